"""Line integrals of polychromatic beams made proportional to thickness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np
import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_real
from recon.preprocess.step import Step


@dataclass(frozen=True)
class BeamHardening(Step):
    """Replace line integrals p by c₁ p + c₂ p² + c₃ p³ + ..., growing over the range of the data.

    Soft X-rays are absorbed first, so that −log of the transmission grows less than in proportion to thickness
    (cupping, dark bands between dense parts). For an object of one material the polynomial that undoes this is found
    by measuring steps of known thickness, or by trial: c₂ > 0 brightens the middle. The step belongs after
    ``negative_log`` and after ``rings``.

    Parameters
    ----------
    coefficients
        c₂, c₃, ...
    linear
        c₁ > 0; 1 leaves thin objects as they are.

    Raises
    ------
    DataError
        If the polynomial does not grow everywhere between 0, the least and the largest of the data.

    Source: G. T. Herman, Phys. Med. Biol. 24 (1979) 81.
    """

    names: ClassVar[tuple[str, ...]] = ("beam_hardening",)

    coefficients: Sequence[float]
    linear: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.coefficients, str) or not self.coefficients or not all(map(isfinite, self.coefficients)):
            raise ValueError(
                f"BeamHardening expects finite coefficients of p², p³, ..., such as [0.05], got {self.coefficients!r}."
            )
        if not (isfinite(self.linear) and self.linear > 0):
            raise ValueError(f"BeamHardening expects a positive linear coefficient, got {self.linear!r}.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "beam_hardening")
        p = item.data.double()
        low, high = min(float(p.min()), 0.0), max(float(p.max()), 0.0)
        if not (isfinite(low) and isfinite(high)):
            raise DataError(f"beam_hardening expects finite data, {item.source} has NaN or infinity.")
        everything = [0.0, self.linear, *self.coefficients]
        turning = _first_turn(everything, low, high)
        if turning is not None:
            raise DataError(
                f"beam_hardening has a polynomial that stops growing at p = {turning:.4g}, within the data of "
                f"{item.source}, which run from {low:.4g} to {high:.4g}; choose smaller coefficients."
            )
        value = torch.zeros_like(p)
        for coefficient in reversed(everything):
            value = value * p + coefficient
        return item.changed(data=value.to(item.data.dtype), meta={"beam_hardening": everything[1:]})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls([0.05, 0.01]), Item("scan", "scan.h5", torch.linspace(-0.1, 3, 24).reshape(4, 6))


def _first_turn(coefficients: Sequence[float], low: float, high: float) -> float | None:
    """The point of [low, high] nearest to 0 at which the polynomial does not grow; None if there is none."""
    slope = np.polynomial.Polynomial(coefficients).deriv()
    roots = slope.roots()
    real = roots.real[np.abs(roots.imag) <= 1e-9 * (1 + np.abs(roots.real))]
    inside = [float(root) for root in real if low <= root <= high]
    return min(inside, key=abs) if inside else None
