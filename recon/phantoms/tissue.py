"""A region of one tissue."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite

from recon.phantoms.shape import Shape


@dataclass(frozen=True)
class Tissue:
    """A shape filled with a tissue of one proton density and one pair of relaxation times.

    Parameters
    ----------
    region
        Where it is; its ``value`` is not used.
    m0
        Equilibrium magnetisation M₀, in any unit.
    t1, t2
        Relaxation times T₁ and T₂ in s.
    """

    region: Shape
    m0: float
    t1: float
    t2: float

    def __post_init__(self) -> None:
        if not (isfinite(self.m0) and 0 < self.t1 < float("inf") and 0 < self.t2 < float("inf")):
            raise ValueError(
                f"Tissue expects a finite m0 and positive, finite t1 and t2 in s, got {self.m0:g}, {self.t1:g} and "
                f"{self.t2:g}."
            )

    def spin_echo(self, te: float, tr: float = float("inf")) -> float:
        """M₀ (1 − exp(−TR/T₁)) exp(−TE/T₂), times in s."""
        return self.m0 * (1 - exp(-tr / self.t1)) * exp(-te / self.t2)

    def inversion_recovery(self, ti: float, tr: float = float("inf"), te: float = 0.0) -> float:
        """M₀ (1 − 2 exp(−TI/T₁) + exp(−TR/T₁)) exp(−TE/T₂), times in s."""
        return self.m0 * (1 - 2 * exp(-ti / self.t1) + exp(-tr / self.t1)) * exp(-te / self.t2)
