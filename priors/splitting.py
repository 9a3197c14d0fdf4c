"""Sums of convex functionals behind linear operators, as primal-dual methods see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from recon.operators.functionals import BoxIndicator, Functional, ScaledFunctional
from recon.operators.identity import Identity
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.priors.prior import Term


class Block(NamedTuple):
    """One summand f(K x) that is reached through its dual variable."""

    functional: Functional
    operator: LinearOperator
    unitary: bool = False


class Saddle(NamedTuple):
    """min_x g(x) + Σᵢ fᵢ(Kᵢ x); g (``simple``) acts on x itself, None for zero. Solvers put the data term first."""

    simple: Functional | None
    blocks: tuple[Block, ...]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """K x, one tensor per block."""
        return tuple(block.operator(x) for block in self.blocks)

    def adjoint(self, duals: tuple[Tensor, ...]) -> Tensor:
        """Kᴴy = Σᵢ Kᵢᴴyᵢ."""
        total = self.blocks[0].operator.adjoint(duals[0])
        for block, y in zip(self.blocks[1:], duals[1:], strict=True):
            total = total + block.operator.adjoint(y)
        return total

    def objective(self, x: Tensor, images: tuple[Tensor, ...]) -> Tensor:
        """g(x) + Σᵢ fᵢ(Kᵢx) from the products Kᵢx."""
        value = self.blocks[0].functional(images[0])
        for block, z in zip(self.blocks[1:], images[1:], strict=True):
            value = value + block.functional(z)
        return value if self.simple is None else value + self.simple(x)


def split_terms(terms: Sequence[Term], shape: Shape) -> Saddle:
    """The sum of ``terms`` on images of ``shape``.

    Of the terms on the image itself that have a prox the first constraint becomes g, so that iterates satisfy it, or
    the first term where there is none; all others become blocks. Nonnegativity takes the first term into g that has a
    prox on nonnegative images (:meth:`recon.operators.Functional.on_nonnegative`).
    """
    direct = [term for term in terms if term.operator is None and "prox" in term.functional.capabilities]
    first = next((term for term in direct if term.functional.constraint), direct[0] if direct else None)
    if first is None:
        return Saddle(None, _blocks(terms, shape))
    rest = [term for term in terms if term is not first]
    if _is_nonnegativity(first.functional):
        for term in direct:
            both = None if term is first else term.functional.on_nonnegative()
            if both is not None:
                return Saddle(both, _blocks([other for other in rest if other is not term], shape))
    return Saddle(first.functional, _blocks(rest, shape))


def _blocks(terms: Sequence[Term], shape: Shape) -> tuple[Block, ...]:
    return tuple(
        Block(term.functional, term.operator or Identity(shape), term.unitary or not term.operator) for term in terms
    )


def _is_nonnegativity(functional: Functional) -> bool:
    while isinstance(functional, ScaledFunctional):
        functional = functional.functional
    return isinstance(functional, BoxIndicator) and functional.lower == 0 and functional.upper == float("inf")
