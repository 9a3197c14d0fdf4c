"""The sum of variational priors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior
from recon.priors.slots import Slots, stacked


class SumPrior(VariationalPrior):
    """R(x) = λ Σᵢ Rᵢ(x); made by adding priors."""

    def __init__(self, *priors: VariationalPrior, lam: float | Tensor = 1.0) -> None:
        if not priors:
            raise ValueError("SumPrior expects at least one prior.")
        for prior in priors:
            if not isinstance(prior, VariationalPrior):
                raise TypeError(f"SumPrior adds priors with an explicit cost, got {type(prior).__name__}.")
        self.priors = tuple(part for prior in priors for part in _parts(prior))
        super().__init__(lam)

    @property
    def name(self) -> str:
        """The summands' names."""
        return " + ".join(prior.name for prior in self.priors)

    def auxiliary(self, shape: Shape) -> int:
        return sum(prior.auxiliary(shape) for prior in self.priors)

    def components(self, x: Tensor, auxiliary: Tensor, shape: Shape) -> Mapping[str, Tensor]:
        """Those of the summands; of parts that have one name, that of the last."""
        found: dict[str, Tensor] = {}
        axis, first = auxiliary.ndim - len(shape) - 1, 0
        for prior in self.priors:
            own = prior.auxiliary(shape)
            found |= prior.components(x, auxiliary.narrow(axis, first, own), shape)
            first += own
        return found

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        count = self.auxiliary(shape)
        if not count:
            return tuple(term for prior in self.priors for term in prior.terms(shape))
        terms: list[Term] = []
        first = 1
        for prior in self.priors:
            own = prior.auxiliary(shape)
            images = (0, *range(first, first + own)) if own else 0
            terms += [stacked(term, Slots(shape, 1 + count, images)) for term in prior.terms(shape)]
            first += own
        return tuple(terms)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        from recon.priors.handcrafted.box import NonNegative
        from recon.priors.handcrafted.total_variation import TotalVariation

        yield cls(TotalVariation(0.5), NonNegative(), lam=2.0)


def _parts(prior: VariationalPrior) -> tuple[VariationalPrior, ...]:
    """The summands of a sum that is multiplied by 1, else the prior itself."""
    if not isinstance(prior, SumPrior) or isinstance(prior.lam, Tensor) or prior.lam != 1:
        return (prior,)
    return prior.priors
