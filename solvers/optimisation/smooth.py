"""Sums of differentiable functionals behind operators, as gradient methods see them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.operator import Operator
from recon.operators.tensors import item_dot, item_norm
from recon.priors.prior import Term
from recon.priors.proximal import is_exact
from recon.priors.splitting import Block, Saddle, split_terms
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.saddle import require_convex
from recon.solvers.problem import Problem

Images = tuple[Tensor, ...]


class Smooth(NamedTuple):
    """F(x) = Σᵢ fᵢ(Kᵢ(x)); the data term, whose K may be nonlinear, comes first."""

    functionals: tuple[Functional, ...]
    operators: tuple[Operator, ...]

    def images(self, x: Tensor) -> Images:
        """Kᵢ(x)."""
        return tuple(K(x) for K in self.operators)

    def moves(self, x: Tensor, v: Tensor) -> Images:
        """The derivatives DKᵢ(x)[v]."""
        return tuple(K.jvp(x, v) for K in self.operators)

    def differences(self, x: Tensor, delta: Tensor, before: Images, after: Images) -> Images:
        """DKᵢ(x)[δ] where the images of x and x + δ are known: their difference where Kᵢ is linear."""
        parts = zip(self.operators, before, after, strict=True)
        return tuple(b - a if isinstance(K, LinearOperator) else K.jvp(x, delta) for K, a, b in parts)

    def value(self, images: Images) -> Tensor:
        """F per item, from the images Kᵢ(x)."""
        return torch.stack([f(z) for f, z in zip(self.functionals, images, strict=True)]).sum(0)

    def gradient(self, x: Tensor, images: Images) -> Tensor:
        """∇F(x) = Σᵢ DKᵢ(x)ᴴ ∇fᵢ(Kᵢ(x))."""
        parts = zip(self.functionals, self.operators, images, strict=True)
        pulled = [K.vjp(x, f.grad(z)) for f, K, z in parts]
        total = pulled[0]
        for part in pulled[1:]:
            total = total + part
        return total

    def curvature(self, images: Images, moves: Images) -> Tensor:
        """Σᵢ Re⟨mᵢ, ∇²fᵢ(zᵢ) mᵢ⟩ per item: of F along v where mᵢ = DKᵢ(x)[v], up to the curvature of nonlinear Kᵢ."""
        parts = zip(self.functionals, images, moves, strict=True)
        return torch.stack([item_dot(m, f.hessian(z, m), f.ndim) for f, z, m in parts]).sum(0)

    def bend(self, before: Images, after: Images) -> Tensor:
        """Re⟨∇F(x') − ∇F(x), x' − x⟩ per item from the images of x and x', for linear Kᵢ."""
        parts = zip(self.functionals, before, after, strict=True)
        return torch.stack([item_dot(f.grad(b) - f.grad(a), b - a, f.ndim) for f, a, b in parts]).sum(0)

    def lipschitz(self, like: Tensor) -> Tensor | None:
        """Σᵢ Lip(∇fᵢ)‖Kᵢ‖² per item, for items such as those of ``like`` (one value each); None where unknown."""
        total = torch.zeros_like(like)
        for f, K in zip(self.functionals, self.operators, strict=True):
            constant = f.lipschitz()
            if constant is None or not isinstance(K, LinearOperator):
                return None
            total = total + constant * step_norm(K, like) ** 2
        return total

    def strong_convexity(self, like: Tensor) -> Tensor:
        """A μ per item such that F − μ‖·‖²/2 is convex, where least singular values are known."""
        total = torch.zeros_like(like)
        for f, K in zip(self.functionals, self.operators, strict=True):
            least = 1.0 if isinstance(K, Identity) else _least(K)
            total = total + least**2 * f.strong_convexity()
        return total


class Composite(NamedTuple):
    """F + h, a differentiable part and one with a prox."""

    smooth: Smooth
    rest: Saddle

    def value(self, x: Tensor, images: Images) -> Tensor:
        """F(x) + h(x) per item, from the images Kᵢ(x) of F."""
        return self.smooth.value(images) + nonsmooth_value(self.rest, x)

    def convex_moduli(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Strong convexity of F and of h."""
        simple = self.rest.simple
        own = torch.zeros_like(like) if simple is None else simple.strong_convexity() + torch.zeros_like(like)
        for block in self.rest.blocks:
            if block.unitary:
                own = own + block.functional.strong_convexity()
        return self.smooth.strong_convexity(like), own


def nonsmooth_value(rest: Saddle, x: Tensor) -> Tensor:
    """h(x) = g(x) + Σⱼ fⱼ(Lⱼx) per item; zero where there are no terms."""
    value = torch.zeros(len(x), dtype=x.real.dtype if x.is_complex() else x.dtype, device=x.device)
    if rest.simple is not None:
        value = value + rest.simple(x)
    for block in rest.blocks:
        value = value + block.functional(block.operator(x))
    return value


def composite(problem: Problem, solver: str, split: bool = False) -> Composite:
    """A problem as F + h: F is the data term and those terms of a prior of several that have a Lipschitz gradient.

    Parameters
    ----------
    split
        Whether functionals that are not convex are parted by ``smooth_split``; otherwise they stay whole, in h.

    Errors: CapabilityError where a term has neither a gradient nor a prox that fits.
    """
    _require_gradient(problem.likelihood, solver)
    functionals: list[Functional] = [problem.likelihood]
    operators: list[Operator] = [problem.operator]
    rough: list[Term] = []
    several = len(problem.terms) > 1 or any(term.operator is not None and not term.unitary for term in problem.terms)
    for term in problem.terms:
        f = term.functional
        if split and not f.convex and "smooth_split" in f.capabilities:
            smooth, convex = f.smooth_split()
            functionals.append(smooth)
            operators.append(term.operator or Identity(problem.shape))
            rough.append(Term(convex, term.operator, term.unitary, term.kernel_constants))
        elif several and f.lipschitz() is not None and "grad" in f.capabilities:
            functionals.append(f)
            operators.append(term.operator or Identity(problem.shape))
        else:
            rough.append(term)
    rest = split_terms(rough, problem.shape)
    require_proximal_rest(rest, solver)
    return Composite(Smooth(tuple(functionals), tuple(operators)), rest)


def require_convex_composite(problem: Problem, solver: str) -> None:
    """Refuse problems that are not convex or cannot be written as :func:`composite`."""
    require_convex(problem, solver)
    composite(problem, solver)


def as_saddle(parts: Composite) -> Saddle:
    """All of a convex problem with a linear operator as one saddle: F's blocks, then h's."""
    smooth = parts.smooth
    blocks = [
        Block(f, K) for f, K in zip(smooth.functionals, smooth.operators, strict=True) if isinstance(K, LinearOperator)
    ]
    return Saddle(parts.rest.simple, (*blocks, *parts.rest.blocks))


def choose(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Per item ``new`` where ``mask``, else ``old``; the items are the first dimension."""
    return torch.where(mask.reshape(-1, *(1,) * (new.ndim - 1)), new, old)


def choose_all(mask: Tensor, new: Images, old: Images) -> Images:
    """:func:`choose` for each of several tensors."""
    return tuple(choose(mask, a, b) for a, b in zip(new, old, strict=True))


def positive(value: Tensor) -> Tensor:
    """The value where it is positive, else 1."""
    return torch.where(value > 0, value, 1)


def rounding(value: Tensor) -> Tensor:
    """What rounding may change in sums of the size of ``value``."""
    return 64 * torch.finfo(value.dtype).eps * value.abs()


def inside(problem: Problem, parts: Composite) -> Tensor:
    """Where to start: zero, or where the objective or its slope is infinite there the best constant image.

    That is the one that fits the data best, moved by the proximal maps of the terms on the image itself into their
    domains.
    """
    x, smooth = problem.zeros(), parts.smooth
    fields = (problem.operator.range_field, *(f.domain_field for f in smooth.functionals))
    if "real" not in fields or x.is_complex():
        return x
    images = smooth.images(x)
    size = item_norm(smooth.gradient(x, images), len(problem.shape)) + smooth.value(images).abs()
    data = problem.data
    sought = data if problem.noise is None else problem.noise.most_likely(data)
    m = len(problem.operator.range_shape)
    ones = torch.ones_like(x)
    response = problem.operator.jvp(x, ones)
    level = item_dot(response, sought, m) / positive(item_dot(response, response, m))
    constant = level.reshape(-1, *(1,) * (x.ndim - 1)) * ones
    for f, K in zip(smooth.functionals, smooth.operators, strict=True):
        if isinstance(K, Identity) and f.domain_field == "real" and "prox" in f.capabilities:
            constant = choose(torch.isinf(f(constant)), f.prox(constant, 1.0), constant)
    return choose(torch.isfinite(size), x, constant)


def _least(K: Operator) -> float:
    if not isinstance(K, LinearOperator) or "svd" not in K.capabilities:
        return 0.0
    return float(K.svd().s.min())


def _require_gradient(f: Functional, solver: str) -> None:
    if "grad" not in f.capabilities:
        raise CapabilityError(f"{solver} needs a data term with a gradient; {f.name} has none. Use PDHG instead.")


def require_proximal_rest(rest: Saddle, solver: str) -> None:
    """Refuse terms of h without a prox, and such as are not convex where h has no closed-form prox."""
    for f in (*(() if rest.simple is None else (rest.simple,)), *(block.functional for block in rest.blocks)):
        if "prox" not in f.capabilities:
            raise CapabilityError(f"{solver} needs the prox or a Lipschitz gradient of every term; {f.name} has none.")
        if not is_exact(rest) and not ("conjugate" in f.capabilities and f.convex):
            raise CapabilityError(
                f"{solver} needs a closed-form prox of terms that are not convex; {f.name} acts beside others or "
                "behind an operator that is not unitary."
            )
