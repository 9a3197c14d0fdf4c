"""The sum of variational priors."""

from __future__ import annotations

from collections.abc import Iterator

from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class SumPrior(VariationalPrior):
    """R(x) = λ Σᵢ Rᵢ(x); made by adding priors."""

    def __init__(self, *priors: VariationalPrior, lam: float = 1.0) -> None:
        super().__init__(lam)
        if not priors:
            raise ValueError("SumPrior expects at least one prior.")
        for prior in priors:
            if not isinstance(prior, VariationalPrior):
                raise TypeError(f"SumPrior adds priors with an explicit cost, got {type(prior).__name__}.")
        self.priors = priors

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return tuple(term for prior in self.priors for term in prior.terms(shape))

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        from recon.priors.handcrafted.box import NonNegative
        from recon.priors.handcrafted.total_variation import TotalVariation

        yield cls(TotalVariation(0.5), NonNegative(), lam=2.0)
