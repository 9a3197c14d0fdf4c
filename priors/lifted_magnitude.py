"""A cost of images as a cost of the magnitudes of complex images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from recon.operators.functionals import L0, BoxIndicator, DyadicPieces, Functional, KSparse, ScaledFunctional
from recon.operators.functionals.folded_concave import FoldedConcave
from recon.operators.functionals.magnitudes import step_per_item
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError
from recon.operators.operator import Shape
from recon.operators.tensors import item_norm
from recon.priors.prior import Term, VariationalPrior
from recon.priors.proximal import Prox, prox
from recon.priors.splitting import Block, Saddle


class LiftedMagnitude(Functional):
    """f(x) = R(|x|) for real or complex x and a prior R on real images; prox_f(v) = p·v/|v| with p as follows.

    For any magnitude the phase of v is the best, so that p minimises R(z) + ‖z − |v|‖²/2τ over z ≥ 0. It has a closed
    form where R is one term on the image itself that is convex and a sum over pixels, or one of the penalties that are
    not convex. Otherwise an inner dual method finds it up to a proven duality gap of ``tol`` · ‖v‖²/2τ per item; a
    warning says so where ``max_iter`` steps do not reach that. f is not convex as a rule.

    Parameters
    ----------
    prior
        R: convex terms, or a single one among :class:`recon.operators.L0`, ``KSparse``, ``SCAD``, ``MCP`` and
        ``DyadicPieces``.
    shape
        Shape of one image.
    tol, max_iter
        Accuracy and iteration limit of the inner method.

    Errors: CapabilityError for priors without such a prox.
    """

    capabilities = frozenset({"prox"})
    convex = False

    def __init__(self, prior: VariationalPrior, shape: Shape, tol: float = 1e-6, max_iter: int = 1000) -> None:
        super().__init__(shape)
        self.prior, self.tol, self.max_iter = prior, tol, max_iter
        if prior.auxiliary(self.domain_shape):
            raise CapabilityError(
                f"Magnitude needs a prior with a prox; the cost of {prior.name} is a minimum over further fields."
            )
        _restricted(prior.terms(self.domain_shape), self.domain_shape, prior.name)

    def apply(self, x: Tensor) -> Tensor:
        return self.prior.cost(x.abs(), self.domain_shape)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step_per_item(tau, x, self.ndim, self.name)
        return self.with_phase(self.prox_of_magnitude(x.abs(), tau).x, x)

    def with_phase(self, magnitude: Tensor, x: Tensor) -> Tensor:
        """Magnitudes with the phases of x, 0 where x is."""
        size = x.abs()
        return magnitude * torch.where(size == 0, 1, x / torch.where(size == 0, 1, size))

    def prox_of_magnitude(self, v: Tensor, tau: float | Tensor, start: Prox | None = None) -> Prox:
        """argmin_{z ≥ 0} R(z) + ‖z − v‖²/2τ for v ≥ 0, with a bound on its suboptimality per item.

        ``start``, the answer of a call for nearby arguments, shortens the search.
        """
        batch = v.shape[: v.ndim - self.ndim]
        flat = v.reshape(prod(batch), *self.domain_shape)
        steps = torch.as_tensor(tau, dtype=v.dtype, device=v.device)
        steps = steps.reshape(batch if steps.ndim else ()).expand(batch).reshape(-1)
        h = _restricted(self.prior.flatten(batch).terms(self.domain_shape), self.domain_shape, self.prior.name)
        duals = tuple(torch.zeros_like(z) for z in h.forward(flat)) if start is None else start.duals
        allowed = self.tol * item_norm(flat, self.ndim).square() / (2 * steps)
        found = prox(h, flat, steps, self.ndim, duals, allowed, self.max_iter)
        if found.iterations == self.max_iter and bool((found.gap > allowed).any()):
            warnings.warn(
                f"the prox of {self.prior.name} on magnitudes did not reach tol = {self.tol:g} in {self.max_iter} "
                "iterations; give Magnitude a larger max_iter or tol.",
                stacklevel=2,
            )
        return found._replace(x=found.x.reshape(v.shape))

    def select(self, items: Tensor) -> LiftedMagnitude:
        chosen = self.prior.select(items)
        return self if chosen is self.prior else LiftedMagnitude(chosen, self.domain_shape, self.tol, self.max_iter)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.priors.handcrafted.sparsity import Sparsity
        from recon.priors.handcrafted.tikhonov import Tikhonov

        yield cls(Sparsity(0.5), (3, 4))
        yield cls(Sparsity(0.5, "mcp", saturation=0.8), (3, 4))
        yield cls(Tikhonov(0.5, center=torch.linspace(-1, 1, 4)), (4,))


class _Nonnegative(Functional):
    """f on x ≥ 0, ∞ elsewhere, for a convex f that is a sum over pixels: its prox is f's, clipped."""

    capabilities = frozenset({"prox"})

    def __init__(self, functional: Functional) -> None:
        super().__init__(functional.domain_shape)
        self.functional = functional

    def apply(self, x: Tensor) -> Tensor:
        inside = (x >= 0).flatten(x.ndim - self.ndim).all(-1)
        return torch.where(inside, self.functional(x), torch.inf)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return self.functional.prox(x, tau).clamp(min=0)


def _restricted(terms: tuple[Term, ...], shape: Shape, name: str) -> Saddle:
    """The sum of ``terms`` on x ≥ 0, as a functional on x itself with an exact prox and blocks that are convex."""
    if len(terms) == 1 and terms[0].operator is None and _keeps_nonnegative(terms[0].functional):
        return Saddle(terms[0].functional, ())
    rest = list(terms)
    simple: Functional = BoxIndicator(shape, 0.0)
    for term in terms:
        f = term.functional
        if term.operator is None and f.separable and f.convex and "prox" in f.capabilities:
            simple = _Nonnegative(f)
            rest.remove(term)
            break
    for term in rest:
        f = term.functional
        if not (f.convex and {"prox", "conjugate"} <= f.capabilities):
            raise CapabilityError(
                f"Magnitude needs a prior whose prox it can restrict to nonnegative images; {f.name} of {name} "
                + ("has none." if "prox" not in f.capabilities else "is not convex, nor a sum over pixels by itself.")
            )
    blocks = tuple(Block(t.functional, t.operator or Identity(shape), t.unitary or not t.operator) for t in rest)
    return Saddle(simple, blocks)


def _keeps_nonnegative(functional: Functional) -> bool:
    """Whether the prox of a functional that is not convex is known to keep nonnegative images nonnegative."""
    while isinstance(functional, ScaledFunctional):
        functional = functional.functional
    return isinstance(functional, (DyadicPieces, FoldedConcave, KSparse, L0))
