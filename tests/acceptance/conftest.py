"""Acceptance tests print what they measured beside their goals at the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Figure = Callable[[str, str], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """``figure("gain over TV", "6.8 dB")`` notes a measured figure for the summary."""

    def note(what: str, value: str) -> None:
        record_property("figure", (what, value))

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = [
        (report.nodeid.split("::")[0].rsplit("/", 1)[-1], *value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for key, value in getattr(report, "user_properties", [])
        if key == "figure" and report.when == "call"
    ]
    if rows:
        terminalreporter.section("measured figures")
        for file, what, value in sorted(rows):
            terminalreporter.write_line(f"{file}: {what}: {value}")
