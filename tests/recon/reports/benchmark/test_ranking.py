"""Tables of a run whose numbers are known."""

from __future__ import annotations

import csv
import io

import pytest

from recon.reports.benchmark import as_csv, as_latex, as_markdown, rankings
from recon.reports.benchmark.measures import KNOWN
from recon.reports.benchmark.ranking import Ranking, standings
from recon.reports.benchmark.tables import escaped
from tests.recon.reports.benchmark.made_up_run import METHODS, MadeUpRun


def _tables(**sizes: int) -> list[Ranking]:
    run = MadeUpRun(**sizes)
    return rankings(run.records(), run.metrics)


def test_methods_stand_in_the_order_of_their_means_over_images() -> None:
    first, second = _tables()
    assert [row.method for row in first.rows] == ["pnp", "tv", "wavelet"]
    for row in second.rows:
        assert row.values["psnr"].mean == pytest.approx(METHODS[row.method] + 3 - 1)
    assert first.best("psnr") == first.best("nmse") == {"pnp"}
    assert first.best("seconds") == {"tv"}
    assert first.best("iterations") == frozenset()
    assert (first.images, first.seeds) == (7, 2)


def test_seeds_of_an_image_count_once() -> None:
    """With one image there is nothing to take an interval over, however many seeds it has."""
    row = _tables(items=1, seeds=5, conditions=2)[1].rows[0]
    assert row.values["psnr"].low != row.values["psnr"].low


def test_comparisons_are_paired_by_image() -> None:
    table = _tables()[1]
    tv, wavelet = table.rows[1:]
    assert tv.versus is not None
    assert tv.versus.difference == pytest.approx((-2, -2, -2))
    assert tv.versus.pairs == 7
    assert tv.versus.p == pytest.approx(2 / 2**7)
    assert tv.p == wavelet.p == pytest.approx(4 / 2**7)


def test_fewer_than_six_images_have_no_p() -> None:
    assert [row.p for row in _tables(items=5)[1].rows] == [None, None, None]


def test_a_method_that_failed_somewhere_stands_below_those_that_did_not() -> None:
    run = MadeUpRun()
    records = [dict(record) for record in run.records()]
    lost = next(record for record in records if record["method"] == "pnp")
    lost.update(status="diverged", metrics={})
    table = rankings(records, run.metrics)[0]
    assert [(row.method, row.done, row.total) for row in table.rows] == [
        ("tv", 14, 14),
        ("pnp", 13, 14),
        ("wavelet", 12, 14),
    ]
    assert table.best("psnr") == {"tv"}


def test_times_of_several_devices_are_not_ranked() -> None:
    run = MadeUpRun()
    records = [{**record, "device": "cuda" if record["seed"] else "cpu"} for record in run.records()]
    table = rankings(records, run.metrics)[0]
    assert len(table.clocks) == 2
    assert table.best("seconds") == frozenset()
    assert "not ranked" in as_markdown([table])


def test_a_condition_without_results_has_its_methods_still() -> None:
    run = MadeUpRun(items=1, conditions=1)
    records = [{**record, "status": "timeout", "metrics": {}} for record in run.records()]
    table = rankings(records, run.metrics)[0]
    assert {row.method for row in table.rows} == set(METHODS)
    assert all(row.done == 0 and not row.values for row in table.rows)
    assert "tv (0 of 2)" in as_markdown([table])


def test_standings() -> None:
    assert [(s.method, s.rank, s.firsts, s.conditions) for s in standings(_tables())] == [
        ("pnp", 1.0, 2, 2),
        ("tv", 2.0, 0, 2),
        ("wavelet", 3.0, 0, 2),
    ]


def test_csv_has_every_number_to_the_last_bit() -> None:
    table = _tables()[1]
    lines = list(csv.DictReader(io.StringIO(as_csv([table]))))
    by = {(line["method"], line["measure"]): line for line in lines}
    for row in table.rows:
        for name, interval in row.values.items():
            assert float(by[row.method, name]["mean"]) == interval.mean
            assert float(by[row.method, name]["high"]) == interval.high
    assert float(by["tv", "psnr"]["p_holm"]) == table.rows[1].p
    assert by["tv", "nmse"]["p_holm"] == ""


def test_markdown_and_latex_show_the_best_in_bold() -> None:
    table = _tables()[1]
    assert "| pnp | **32.00 [" in as_markdown([table])
    latex = as_latex([table])
    assert r"pnp & \textbf{32.00 [" in latex
    assert r"PSNR [dB]" in latex
    assert "−" not in latex
    assert all(escaped(measure.heading).isascii() for measure in KNOWN.values())
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1
