"""Which cells there are, and what their keys depend on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon import source
from recon.bench import fingerprint
from recon.bench.plan import Plan
from recon.bench.store import Cell
from recon.config.errors import ConfigError
from tests.recon.bench.tiny import BENCH, lay_out, plan_of, run, squares

OWN = """\
from own_factor import FACTOR
from recon.solvers import CGLS


class Own(CGLS):
    '''Conjugate gradients under another name.'''
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path)


@pytest.fixture(autouse=True)
def reread() -> Callable[[], None]:
    """Forgets source files, as a new process does."""

    def forget() -> None:
        source.read_file.cache_clear()
        for function in (fingerprint.digest_of, fingerprint._imported, fingerprint._digest, fingerprint._kernels):
            function.cache_clear()

    forget()
    return forget


def keys(cells: list[Cell], method: str) -> list[str]:
    return [cell.key for cell in cells if cell.method == method]


def test_cells_of_a_measurement_follow_each_other(folder: Path) -> None:
    cells = plan_of(folder, "seeds=[3, 4]", "operators=[identity, {name: gaussian_blur, std: 1}]").cells
    found = [(cell.operator, cell.item, cell.seed, cell.method) for cell in cells]
    assert found == [
        (operator, item, seed, method)
        for operator in ("identity", "gaussian_blur")
        for item in "01"
        for seed in (3, 4)
        for method in ("tv", "least")
    ]
    assert len({cell.key for cell in cells}) == 16
    assert len({cell.measurement for cell in cells}) == 8


def test_the_last_items_validate_and_the_first_are_tested(folder: Path) -> None:
    lay_out(folder, 6)

    def split(limit: str, validation: str) -> tuple[list[str], list[str]]:
        plan = plan_of(folder, f"datasets.limit={limit}", f"datasets.validation={validation}")
        return [ref.id for ref in plan.tested(0)], [ref.id for ref in plan.validation(0)]

    assert split("null", "0") == (["0", "1", "2", "3", "4", "5"], [])
    assert split("null", "2") == (["0", "1", "2", "3"], ["4", "5"])
    assert split("3", "2") == (["0", "1", "2"], ["4", "5"])
    assert split("9", "5") == (["0"], ["1", "2", "3", "4", "5"])
    with pytest.raises(ConfigError) as error:
        plan_of(folder, "datasets.validation=6").cells  # noqa: B018
    assert str(error.value).endswith(
        "bench.yaml:2:11: the dataset 'images' has 6 items, of which 'validation' leaves none to reconstruct."
    )


def test_what_a_key_depends_on(folder: Path) -> None:
    first = plan_of(folder).cells
    assert plan_of(folder).cells == first
    for override in (
        "methods.0.prior.lam=3",
        "methods.0.solver.stop.max_iter=6",
        "dtype=float64",
        "metrics=[psnr]",
        "limits.seconds=9",
        "timing.repeats=2",
        "noise.sigma=0.06",
        "operators.std=2",
        "datasets.preprocess=[{name: scale, factor: 2}]",
        "seeds=[1]",
    ):
        changed = plan_of(folder, override).cells
        assert not set(keys(changed, "tv")) & set(keys(first, "tv")), override
    for override in ("name=x", "output.path=x", "methods.1.solver.stop.max_iter=9", "seeds=[0, 1]", "datasets.limit=1"):
        changed = plan_of(folder, override).cells
        assert set(keys(changed, "tv")) <= set(keys(first, "tv")) or "seeds" in override, override
        assert set(keys(changed, "tv")) & set(keys(first, "tv")), override


def test_a_new_version_of_the_program_makes_no_new_cells_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code does; the version once went into keys and slots, so that nothing was known to be stale."""
    first = plan_of(folder).cells
    monkeypatch.setattr("recon.__version__", "0.9.9")
    monkeypatch.setattr("recon.run.keys.recon.__version__", "0.9.9")
    assert plan_of(folder).cells == first
    fingerprint.majors.cache_clear()
    monkeypatch.setattr("recon.__version__", "1.0.0")
    later = plan_of(folder).cells
    fingerprint.majors.cache_clear()
    assert [cell.slot for cell in later] == [cell.slot for cell in first]
    assert not {cell.key for cell in later} & {cell.key for cell in first}


def test_an_item_of_other_content_is_another(folder: Path) -> None:
    first = plan_of(folder).cells
    np.save(folder / "images" / "0.npy", squares(2))
    second = plan_of(folder).cells
    assert [a.key == b.key for a, b in zip(first, second, strict=True)] == [False, False, True, True]
    assert [a.slot == b.slot for a, b in zip(first, second, strict=True)] == [False, False, True, True]


def test_an_item_that_cannot_be_read_is_a_cell_that_fails(folder: Path) -> None:
    (folder / "images" / "0.npy").write_bytes(b"no array")
    store, summary = run(folder)
    assert summary.statuses == {"failed": 2, "ok": 2}
    assert "0.npy" in next(iter(store.records()))["error"]["sentence"]


@pytest.fixture
def own(folder: Path) -> Path:
    """A benchmark with a solver in a file, which imports another file."""
    (folder / "own_conjugate.py").write_text(OWN)
    (folder / "own_factor.py").write_text("FACTOR = 2\n")
    (folder / "unrelated.py").write_text("FACTOR = 2\n")
    (folder / "bench.yaml").write_text(BENCH.replace("{name: cgls,", "{name: 'own_conjugate.py:Own',"))
    return folder


@pytest.mark.parametrize("file", ["own_conjugate.py", "own_factor.py"])
def test_changed_code_is_stale_and_never_reused(own: Path, file: str, reread: Callable[[], None]) -> None:
    """Code in files once went into the slot too, so that its old results were not known to be stale."""
    before = plan_of(own).cells
    store, _ = run(own)
    (own / file).write_text((own / file).read_text() + "\nMORE = 1\n")
    reread()
    after = plan_of(own).cells
    assert keys(after, "tv") == keys(before, "tv")
    assert not set(keys(after, "least")) & set(keys(before, "least"))
    assert [cell.slot for cell in after] == [cell.slot for cell in before]
    store, summary = run(own)
    assert (summary.total, summary.before, summary.stale, summary.statuses) == (4, 2, 2, {"ok": 4})
    assert {record["key"] for record in store.stale()} == set(keys(before, "least"))
    assert [record["key"] for record in store.records()] == [cell.key for cell in after]


def test_code_that_is_not_used_changes_nothing(own: Path, reread: Callable[[], None]) -> None:
    before = plan_of(own).cells
    (own / "unrelated.py").write_text("FACTOR = 3\n")
    reread()
    assert plan_of(own).cells == before


@pytest.mark.parametrize(
    ("module", "changed"),
    [
        ("solvers/optimisation/pdhg.py", {"tv"}),
        ("priors/handcrafted/tgv.py", set()),
        ("solvers/linear/cgls.py", {"least"}),
        ("solvers/optimisation/fista.py", set()),
        ("solvers/sampling/guidance/dps.py", set()),
        ("reports/panels.py", set()),
        ("solvers/iterate.py", {"tv", "least"}),
        ("operators/gaussian_blur.py", {"tv", "least"}),
        ("operators/noise.py", {"tv", "least"}),
    ],
)
def test_our_own_code(
    folder: Path, module: str, changed: set[str], reread: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plan_of(folder).cells
    digest = fingerprint._digest.__wrapped__
    edited = source.PACKAGE / module
    assert edited.is_file()
    monkeypatch.setattr(fingerprint, "_digest", lambda file: b"edited" if file == edited else digest(file))
    fingerprint.digest_of.cache_clear()
    second = plan_of(folder).cells
    assert {a.method for a, b in zip(first, second, strict=True) if a.key != b.key} == changed


def test_kernels_count_with_all_of_their_package() -> None:
    found = fingerprint._kernels(source.PACKAGE / "operators" / "ct" / "kernels" / "cpu" / "__init__.py")
    assert len(found) > 3
    assert all("kernels" in name for name in found)
    assert fingerprint._kernels(source.PACKAGE / "operators" / "noise.py") == {}


def test_seeds_that_make_no_difference_are_not_repeated(folder: Path) -> None:
    plan: Plan = plan_of(folder, "datasets.measured=yes", "operators=identity", "seeds=[0, 1, 2]")
    assert [cell.seed for cell in plan.cells] == [0] * 4
