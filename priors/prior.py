"""What images look like: the base class of every prior, and the terms variational priors consist of."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import is_number


class Prior:
    """Anything a solver can use as knowledge about images; see the subclasses for what they offer."""

    names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        """Instances that together cover every mode of the class; the law suites run on them."""
        yield cls()

    @property
    def name(self) -> str:
        """How errors and reports call this prior."""
        return type(self).__name__


@dataclass(frozen=True)
class Term:
    """One summand f(Lx) of a variational prior; ``operator`` None stands for the identity.

    Attributes
    ----------
    unitary
        Whether LᴴL = LLᴴ = I, so that prox of f∘L is Lᴴ prox_f L.
    embedding
        A constant c with ‖x − Px‖₂ ≤ c·f(Lx) for every image x, where P projects on constant images if
        ``kernel_constants`` and is zero otherwise; None if there is none. Solvers turn it into a ball that
        contains all solutions, without which a duality gap proves nothing.
    """

    functional: Functional
    operator: LinearOperator | None = None
    unitary: bool = False
    kernel_constants: bool = False
    embedding: float | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """f(Lx), one value per batch item."""
        return self.functional(x if self.operator is None else self.operator(x))

    def scaled(self, factor: float) -> Term:
        """The same term times a positive number."""
        embedding = None if self.embedding is None else self.embedding / factor
        return replace(self, functional=factor * self.functional, embedding=embedding)


class VariationalPrior(Prior, ABC):
    """A prior with an explicit cost R(x) = λ Σⱼ fⱼ(Lⱼ x), a sum of convex terms.

    ``0.02 * TotalVariation()`` scales λ, and priors add up: ``TotalVariation(0.02) + NonNegative()``.

    Parameters
    ----------
    lam
        Regularisation weight λ > 0.
    """

    def __init__(self, lam: float = 1.0) -> None:
        if not (is_number(lam) and 0 < lam < float("inf")):
            raise ValueError(f"{self.name} expects a positive lam, got {lam!r}.")
        self.lam = float(lam)

    @abstractmethod
    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        """The terms with λ = 1 for images of ``shape``."""

    def terms(self, shape: Shape) -> tuple[Term, ...]:
        """The terms for images of ``shape``, λ included."""
        units = self.unit_terms(shape)
        return units if self.lam == 1.0 else tuple(term.scaled(self.lam) for term in units)

    def cost(self, x: Tensor, shape: Shape | None = None) -> Tensor:
        """R(x), one value per batch item; ``shape`` is one item's and defaults to all of x."""
        terms = self.terms(tuple(x.shape) if shape is None else shape)
        total = terms[0](x)
        for term in terms[1:]:
            total = total + term(x)
        return total

    def __mul__(self, factor: float) -> Self:
        if not (is_number(factor) and 0 < factor < float("inf")):
            raise ValueError(f"{self.name} can be multiplied by a positive number, got {factor!r}.")
        clone = copy.copy(self)
        clone.lam = self.lam * float(factor)
        return clone

    __rmul__ = __mul__

    def __add__(self, other: VariationalPrior) -> VariationalPrior:
        from recon.priors.sum import SumPrior

        return SumPrior(self, other)
