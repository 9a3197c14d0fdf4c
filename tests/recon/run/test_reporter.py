from io import StringIO
from typing import Any

from rich.console import Console

from recon.run.reporter import Bar, Lines, line

DONE: dict[str, Any] = {
    "id": "a",
    "status": "done",
    "reason": "converged",
    "iterations": 12,
    "seconds": 1.234,
    "metrics": {"psnr": 30.123, "first_guess_psnr": 20.0},
}
FAILED: dict[str, Any] = {"id": "b [x]", "status": "failed", "error": "no [bold]data[/bold]."}


def test_a_line_says_why_how_long_and_how_good() -> None:
    assert line(DONE) == "a  converged, 12 iterations, 1.23 s, PSNR 30.12 dB (first guess 20.00)"
    assert line({**DONE, "metrics": {}}) == "a  converged, 12 iterations, 1.23 s"
    assert line(DONE, skipped=True) == "a  done before, skipped"
    assert line(FAILED) == "b [x]  failed: no [bold]data[/bold]."


def test_lines_count_and_leave_brackets_alone() -> None:
    out = StringIO()
    lines = Lines(Console(file=out, width=30))
    lines.start(10)
    lines.item(DONE)
    lines.item(FAILED)
    assert out.getvalue().splitlines() == [f"[ 1/10] {line(DONE)}", f"[ 2/10] {line(FAILED)}"]


def test_the_bar_shows_items_iterations_rate_and_time_left() -> None:
    out = StringIO()
    bar = Bar(Console(file=out, force_terminal=True, width=120))
    bar.start(3)
    bar.begin(["a", "b"])
    for number in range(1, 6):
        bar.iteration(number, 20)
    bar.item(DONE)
    bar.item(FAILED)
    bar.progress.refresh()
    bar.stop()
    text = out.getvalue()
    assert "items" in text
    assert "2/3" in text
    assert "a and 1 more" in text
    assert "5/20" in text
    assert "it/s" in text
    assert "b [x]  failed: no [bold]data[/bold]." in text
    assert "converged" not in text, "a bar keeps good items to itself"


def test_a_solver_without_a_limit_has_no_end_in_sight() -> None:
    out = StringIO()
    bar = Bar(Console(file=out, force_terminal=True, width=100))
    bar.start(1)
    bar.begin(["a"])
    bar.iteration(7, float("inf"))
    bar.progress.refresh()
    bar.stop()
    assert "7/?" in out.getvalue()
