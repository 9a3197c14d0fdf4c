"""Laws of priors with an explicit cost: their terms fit images, and certificates may rest on what terms declare."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.identity import Identity
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import item_norm
from recon.priors.prior import Term, VariationalPrior
from recon.testing.functionals import check_functional
from recon.testing.operators import check_operator
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import distance, norm, normal, positive, same


@dataclass(frozen=True)
class PriorCase:
    """A prior under test, on images of one shape."""

    prior: VariationalPrior
    shape: Shape
    device: torch.device

    def terms(self) -> tuple[Term, ...]:
        """The prior's terms."""
        return self.prior.terms(self.shape)

    def dtypes(self) -> tuple[torch.dtype, ...]:
        """Double-precision dtypes that every term takes."""
        fields = {part.domain_field for term in self.terms() for part in (term.operator, term.functional) if part}
        if "real" in fields:
            return (torch.float64,)
        return (torch.complex128,) if "complex" in fields else (torch.float64, torch.complex128)

    def images(self, batch: Shape, dtype: torch.dtype, seed: int = 0) -> Tensor:
        """Images at which the cost is finite."""
        shape = (*batch, *self.shape)
        normals, small = normal(shape, dtype, seed, self.device), 0.2 * positive(shape, dtype, seed, self.device)
        for x in (normals, small, *self._feasible(normals)):
            if bool(torch.isfinite(self.prior.cost(x, self.shape)).all()):
                return x
        raise AssertionError("the cost is infinite at every image tried.")

    def _feasible(self, x: Tensor) -> Iterator[Tensor]:
        for term in self.terms():
            if term.operator is None and "prox" in term.functional.capabilities:
                yield term.functional.prox(x, 1.0)


def terms_fit(case: PriorCase) -> str:
    """Each term is a functional of images, or of a linear operator's range."""
    terms = case.terms()
    assert terms, "there are no terms."
    for term in terms:
        assert isinstance(term.functional, Functional), f"{term.functional!r} is not a functional."
        shape = case.shape
        if term.operator is not None:
            assert isinstance(term.operator, LinearOperator), f"{term.operator!r} is not a linear operator."
            assert term.operator.domain_shape == case.shape, (
                f"{term.operator!r} does not take images of shape {case.shape}."
            )
            shape = term.operator.range_shape
        assert term.functional.domain_shape == shape, f"{term.functional!r} does not take items of shape {shape}."
    return f"{len(terms)} term{'s' if len(terms) > 1 else ''}"


def cost(case: PriorCase) -> str:
    """R(x) is one real number per item, the same alone and in a batch, and leaves x as it was."""
    worst = 0.0
    for dtype in case.dtypes():
        x = case.images((2, 3), dtype)
        before = x.clone()
        value = case.prior.cost(x, case.shape)
        assert tuple(value.shape) == (2, 3), f"the cost of a batch (2, 3) has shape {tuple(value.shape)}."
        assert not value.is_complex(), "the cost is complex."
        assert value.dtype == torch.float64, f"the cost of a {x.dtype} image is {value.dtype}."
        assert same(x, before), "the cost changed its input in place."
        assert same(value, case.prior.cost(x, case.shape)), "one image has two costs."
        alone = case.prior.cost(x[1, 2], case.shape)
        worst = largest(worst, distance(value[1, 2], alone) / max(norm(alone), 1e-300))
        single = case.prior.cost(x.to(torch.complex64 if x.is_complex() else torch.float32), case.shape)
        assert single.dtype == torch.float32, f"the cost of a single-precision image is {single.dtype}."
    return at_most(worst, 1e-13, "relative difference between the cost of an item alone and in a batch")


def scaling(case: PriorCase) -> str:
    """(c·R)(x) = c·R(x), (R + S)(x) = R(x) + S(x), and R itself stays as it was."""
    prior, c = case.prior, 2.5
    for dtype in case.dtypes():
        x = case.images((3,), dtype)
        value = prior.cost(x, case.shape)
        for name, other, wanted in (("2.5 R", c * prior, c * value), ("R + R", prior + prior, 2 * value)):
            found = other.cost(x, case.shape)
            at_most(
                distance(found, wanted), 1e-12 * max(norm(wanted), 1e-300), f"difference between the cost {name} and R"
            )
        assert same(value, prior.cost(x, case.shape)), "scaling a prior changed the prior itself."
    return "c·R and R + S"


def unitary(case: PriorCase) -> str:
    """Where a term is declared unitary, LᴴLx = x and LLᴴz = z."""
    declared = [term for term in case.terms() if term.unitary]
    if not declared:
        raise NotApplicable("no term is declared unitary")
    worst = 0.0
    for term in declared:
        if term.operator is None:
            continue
        for dtype in case.dtypes():
            x = normal((2, *case.shape), dtype, 1, case.device)
            image = term.operator(x)
            z = normal(tuple(image.shape), image.dtype, 2, case.device)
            worst = largest(worst, distance(term.operator.adjoint(image), x) / norm(x))
            worst = largest(worst, distance(term.operator(term.operator.adjoint(z)), z) / norm(z))
    return at_most(worst, 1e-10, "‖LᴴLx − x‖ / ‖x‖")


def constants(case: PriorCase) -> str:
    """Where a term names a kernel of its operator, adding an image of it changes nothing."""
    declared = [term for term in case.terms() if term.null is not None]
    if not declared:
        raise NotApplicable("no term says so")
    worst = 0.0
    for term in declared:
        for dtype in case.dtypes():
            x = case.images((3,), dtype)
            value, null = term(x), term.null
            assert null is not None
            coefficients = 1 + normal((3, *null.domain_shape), dtype, 5, case.device)
            at_most(distance(null.adjoint(null(coefficients)), coefficients), 1e-10 * norm(coefficients), "‖NᴴNc − c‖")
            worst = largest(worst, distance(term(x + null(coefficients)), value) / max(norm(value), 1e-300))
    return at_most(worst, 1e-10, "relative change of f(Lx) by an image of the kernel")


def least(case: PriorCase) -> str:
    """‖Lx‖ ≥ s‖x − Px‖ with a term's least singular value s, on the images of the embedding law and eigenvectors."""
    declared = [term for term in case.terms() if term.least is not None]
    if not declared:
        raise NotApplicable("no term declares one")
    worst = 0.0
    for term in declared:
        L = term.operator if term.operator is not None else Identity(term.shape)
        assert term.least is not None
        assert term.least > 0, f"a least singular value of {term.least}."
        for dtype in case.dtypes():
            x = torch.cat([normal((6, *case.shape), dtype, 1, case.device), _extremes(case.shape, dtype, case.device)])
            if not dtype.is_complex:
                eye = torch.eye(prod(case.shape), dtype=dtype, device=case.device).reshape(-1, *case.shape)
                columns = L(eye).flatten(1)
                _, vectors = torch.linalg.eigh(columns @ columns.T)
                x = torch.cat([x, vectors.T.reshape(-1, *case.shape)])
            size = item_norm(_without_kernel(term, x), len(case.shape))
            allowed = term.least * torch.where(size > 1e-6 * item_norm(x, len(case.shape)), size, 0)
            image = item_norm(L(x), len(L.range_shape))
            worst = largest(worst, float((allowed / torch.where(allowed > 0, image, 1)).max()))
    return at_most(worst, 1 + 1e-6, "s‖x − Px‖ / ‖Lx‖")


def embedding(case: PriorCase) -> str:
    """‖x − Px‖ ≤ c·f(Lx) with a term's constant c, on random and extreme images and along ascents of the ratio."""
    declared = [term for term in case.terms() if term.embedding is not None]
    if not declared:
        raise NotApplicable("no term declares a constant")
    worst = 0.0
    for term in declared:
        for dtype in case.dtypes():
            x = torch.cat([normal((6, *case.shape), dtype, 1, case.device), _extremes(case.shape, dtype, case.device)])
            worst = largest(worst, float(_embedding_ratio(term, x).max()), _ascend(term, x))
    return at_most(worst, 1 + 1e-9, "‖x − Px‖ / c·f(Lx)")


def parts(case: PriorCase) -> str:
    """The operator and the functional of every term obey their own laws."""
    count = 0
    for term in case.terms():
        count += len(check_functional(term.functional, device=case.device).results)
        if term.operator is not None:
            count += len(check_operator(term.operator, device=case.device).results)
    return f"{count} laws"


def pickling(case: PriorCase) -> str:
    """A pickled prior has the same cost, bit for bit."""
    copied = pickle.loads(pickle.dumps(case.prior))
    for dtype in case.dtypes():
        x = case.images((2,), dtype)
        assert same(case.prior.cost(x, case.shape), copied.cost(x, case.shape)), "the cost differs after pickling."
    return "bit for bit"


def _embedding_ratio(term: Term, x: Tensor) -> Tensor:
    assert term.embedding is not None
    ndim = len(term.functional.domain_shape if term.operator is None else term.operator.domain_shape)
    size, value = item_norm(_without_kernel(term, x), ndim), term(x)
    return torch.where(size > 1e-9, size, 0.0) / (term.embedding * torch.where(value > 0, value, 1e-300))


def _without_kernel(term: Term, x: Tensor) -> Tensor:
    null = term.null
    return x if null is None else x - null(null.adjoint(x))


def _ascend(term: Term, x: Tensor, steps: int = 40) -> float:
    """The largest ratio met while climbing from the given images."""
    pairs = (torch.view_as_real(x) if x.is_complex() else x).clone().requires_grad_()
    optimiser, best = torch.optim.Adam([pairs], lr=0.02, maximize=True), 0.0
    for _ in range(steps):
        ratio = _embedding_ratio(term, torch.view_as_complex(pairs) if x.is_complex() else pairs)
        best = max(best, float(ratio.detach().nan_to_num(0).max()))
        (slope,) = torch.autograd.grad(ratio.clamp(min=1e-12).log().sum(), pairs)
        pairs.grad = slope.nan_to_num(0)
        optimiser.step()
    return best


def _extremes(shape: Shape, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Indicators of boxes in corners and of halves, single pixels, slow waves, checkerboards, near-constants."""
    axes = [torch.arange(n, dtype=torch.float64) for n in shape]
    grid = torch.meshgrid(*axes, indexing="ij")
    images = []
    for corner in itertools.product((False, True), repeat=len(shape)):
        for share in (0.01, 0.34, 0.5):
            inside = torch.ones(shape, dtype=torch.bool)
            for position, n, far in zip(grid, shape, corner, strict=True):
                width = max(1, round(share * n))
                inside &= (position >= n - width) if far else (position < width)
            images.append(inside.double())
    for axis, (position, n) in enumerate(zip(grid, shape, strict=True)):
        half = (position < n // 2).double()
        images += [half, torch.cos(torch.pi * (position + 0.5) / n), (-1.0) ** grid[axis]]
    images.append((-1.0) ** torch.stack(grid).sum(0))
    middle = torch.zeros(shape, dtype=torch.float64)
    middle[tuple(n // 2 for n in shape)] = 1
    images += [middle, 1 + 1e-3 * normal(shape, torch.float64, 9)]
    stack = torch.stack(images)
    if dtype.is_complex:
        phase = torch.stack([position / n for position, n in zip(grid, shape, strict=True)]).sum(0)
        stack = torch.cat([stack.to(dtype), stack * torch.exp(2j * torch.pi * phase), (1 + 1j * stack)])
    return stack.to(device=device, dtype=dtype)


PRIOR_LAWS: tuple[Law, ...] = (
    terms_fit,
    cost,
    scaling,
    unitary,
    constants,
    embedding,
    least,
    parts,
    pickling,
)
