"""What sampling is meant to cost beside its network, as ratios within one run of ``benchmarks.sampling``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 1.0
"""Time outside the network, of recon's sampler over that of a peer's."""


def missed(tables: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """What was found for each table and peer in it, and a sentence for each goal that was not reached."""
    found: dict[str, str] = {}
    sentences: list[str] = []
    for key, table in tables.items():
        ours, *others = table["rows"].items()
        for name, row in others:
            ratio = 1 / row["ratio"]
            text, note = f"{key}: {ours[0]} / {name} ≤ {MOST:g}", row["note"]
            found[text] = f"{ratio:.2f}" + (f" ({note})" if note else "")
            if not ratio <= MOST:
                sentences.append(f"{text}: {found[text]}")
    return found, sentences
