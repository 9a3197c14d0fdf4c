"""The speeds that MRI is meant to have, as ratios within one run of ``benchmarks.mri``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Goal(NamedTuple):
    """Seconds of ``row`` are at most ``most`` times those of ``other``, both named by how their names begin."""

    table: str
    row: str
    other: str
    most: float


GOALS = (
    Goal("pair", "recon", "bare", 1.6),
    Goal("normal, points", "recon", "bare", 1.1),
    Goal("normal, lines across x", "recon", "bare", 0.8),
    Goal("normal, lines across y", "recon", "bare", 0.8),
    Goal("nufft", "recon", "bare", 1.05),
    Goal("toeplitz", "recon AᴴA by Toeplitz", "bare", 1.3),
    Goal("sense", "recon", "mrpro", 0.5),
    Goal("sense", "recon", "deepinv", 0.4),
    Goal("radial", "recon", "mrpro", 0.9),
    Goal("radial", "recon", "SigPy", 0.1),
    Goal("espirit", "recon", "SigPy", 0.25),
    Goal("quantitative", "recon JᴴJ", "recon AᴴA", 1.25),
)
CORRELATION = 0.999
"""Least first percentile of the correlation of ESPIRiT maps with SigPy's."""


def missed(tables: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """What was found for each goal whose table ran, and a sentence for each that was not reached."""
    found: dict[str, str] = {}
    sentences: list[str] = []
    for goal in GOALS:
        if goal.table not in tables:
            continue
        seconds = tables[goal.table]["seconds"]
        mine, theirs = (_row(seconds, name) for name in (goal.row, goal.other))
        text = f"{goal.table}: {goal.row} / {goal.other} ≤ {goal.most:g}"
        if mine is None or theirs is None:
            found[text] = "did not run"
            sentences.append(f"{text}: {goal.other if theirs is None else goal.row} did not run")
            continue
        ratio = seconds[mine] / seconds[theirs]
        found[text] = f"{ratio:.3f}"
        if ratio > goal.most:
            sentences.append(f"{text}: {ratio:.3f}")
    if "espirit" in tables:
        text = f"espirit: correlation with SigPy, 1st percentile ≥ {CORRELATION}"
        differences = tables["espirit"]["differences"]
        name = _row(differences, "SigPy")
        found[text] = "did not run" if name is None else f"{1 - differences[name]:.5f}"
        if name is None or 1 - differences[name] < CORRELATION:
            sentences.append(f"{text}: {found[text]}")
    return found, sentences


def _row(rows: Mapping[str, float], start: str) -> str | None:
    return next((name for name in rows if name.startswith(start)), None)
