"""The columns of a benchmark's tables: what each is called, which way is better, how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any, Literal

Better = Literal["high", "low", "none"]


@dataclass(frozen=True)
class Measure:
    """One column.

    Attributes
    ----------
    label, unit
        For headings; the unit "" where there is none.
    better
        Which end is better; ``"none"`` for figures that only describe.
    digits
        Digits after the point, or significant ones where ``significant``.
    """

    name: str
    label: str
    unit: str = ""
    better: Better = "none"
    digits: int = 3
    significant: bool = False

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    def text(self, value: float) -> str:
        """A value as tables show it, – for none."""
        if isnan(value):
            return "–"
        if not isfinite(value):
            return "∞" if value > 0 else "−∞"
        written = f"{value:.{self.digits}g}" if self.significant else f"{value:.{self.digits}f}"
        return written.replace("-", "−")


_KNOWN = (
    Measure("psnr", "PSNR", "dB", "high", 2),
    Measure("ssim", "SSIM", "", "high", 4),
    Measure("haarpsi", "HaarPSI", "", "high", 4),
    Measure("nmse", "NMSE", "", "low", 3, significant=True),
    Measure("mse", "MSE", "", "low", 3, significant=True),
    Measure("lpips", "LPIPS", "", "low", 4),
    Measure("fastmri_nmse", "NMSE, fastMRI", "", "low", 3, significant=True),
    Measure("fastmri_psnr", "PSNR, fastMRI", "dB", "high", 2),
    Measure("fastmri_ssim", "SSIM, fastMRI", "", "high", 4),
    Measure("data_residual", "‖Ax−y‖²/σ²m", "", "none", 3, significant=True),
    Measure("data_consistency", "E‖AX−y‖²/σ²m", "", "none", 3, significant=True),
    Measure("coverage", "Coverage of 90 %", "", "none", 3),
    Measure("spread", "Spread", "", "none", 3, significant=True),
    Measure("diversity", "Directions of spread", "", "none", 1),
    Measure("iterations", "Iterations", "", "none", 0),
    Measure("gap", "Relative gap", "", "low", 2, significant=True),
    Measure("seconds", "Time", "s", "low", 3, significant=True),
    Measure("memory", "Peak memory", "MiB", "low", 0),
    Measure("forward", "A", "calls", "none", 0),
    Measure("adjoint", "Aᴴ", "calls", "none", 0),
    Measure("normal", "AᴴA", "calls", "none", 0),
    Measure("solve_normal", "(AᴴA + ρI)⁻¹", "calls", "none", 0),
    Measure("denoise", "Denoiser", "calls", "none", 0),
    Measure("vjp", "Its derivative", "calls", "none", 0),
)
CALLS = ("forward", "adjoint", "normal", "solve_normal", "denoise", "vjp")
"""Columns of calls; a method that makes none of a kind has no figure there."""
KNOWN = {measure.name: measure for measure in _KNOWN}


def measure(name: str) -> Measure:
    """The column of a name; a plain one for metrics of somebody else."""
    return KNOWN.get(name, Measure(name, name, significant=True))


def values_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Every figure of a cell by the name of its column."""
    found = {name: _number(value) for name, value in record["metrics"].items()}
    found["iterations"] = _number(record.get("iterations"))
    found["gap"] = _number(record.get("gap"))
    found["seconds"] = _number((record.get("seconds") or {}).get("solve"))
    found["memory"] = _number((record.get("memory") or {}).get("peak")) / 2**20
    calls = record.get("calls") or {}
    found.update({name: _number(calls[name]) for name in CALLS if calls.get(name)})
    return {name: value for name, value in found.items() if not isnan(value)}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def sorted_names(names: set[str], first: list[str]) -> list[str]:
    """Metrics in the order a run names them, then everything else that is known, then the rest by name."""
    order = {name: place for place, name in enumerate([*first, *(n for n in KNOWN if n not in first)])}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))
