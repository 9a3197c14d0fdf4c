"""Reproducible inputs for the laws, and double-precision arithmetic to judge outputs with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Field, Operator, Shape

BATCH_SHAPES: tuple[Shape, ...] = ((), (0,), (1,), (3,), (2, 3))


@dataclass(frozen=True)
class Direction:
    """One of the maps of an operator: A itself or, where A is linear, its adjoint; a functional has more.

    ``checked`` says whether the map promises to refuse wrong input in a sentence.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    shape_in: Shape
    shape_out: Shape
    field_in: Field
    field_out: Field
    checked: bool = True


@dataclass(frozen=True)
class OperatorCase:
    """An operator under test, where it is evaluated, and the point around which it is.

    Attributes
    ----------
    op
        The operator.
    device
        Where inputs live.
    at
        One item of the domain; inputs then scatter by 10 % around it. None for standard normal inputs.
    """

    op: Operator
    device: torch.device
    at: Tensor | None = None

    def directions(self) -> Iterator[Direction]:
        """The maps A and, for linear operators, Aᴴ."""
        op = self.op
        yield Direction("A", op, op.domain_shape, op.range_shape, op.domain_field, op.range_field)
        if isinstance(op, LinearOperator):
            yield Direction("Aᴴ", op.adjoint, op.range_shape, op.domain_shape, op.range_field, op.domain_field)

    def draw(self, side: Direction, batch: Shape, dtype: torch.dtype, seed: int = 0) -> Tensor:
        """An input for a map."""
        if side.name == "A" and self.at is not None:
            point = self.at.to(self.device, dtype)
            return point * (1 + 0.1 * normal((*batch, *side.shape_in), dtype, seed, self.device))
        return normal((*batch, *side.shape_in), dtype, seed, self.device)


def dtypes(field: Field, double: bool = True) -> tuple[torch.dtype, ...]:
    """The dtypes of one precision that a field admits."""
    real = torch.float64 if double else torch.float32
    return {"any": (real, real.to_complex()), "real": (real,), "complex": (real.to_complex(),)}[field]


def dtype_out(field: Field, dtype: torch.dtype) -> torch.dtype:
    """A dtype that a field admits, of the precision of ``dtype`` and of its kind where the field leaves that open."""
    if field == "any":
        return dtype
    real = real_dtype(dtype)
    return real if field == "real" else real.to_complex()


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """The real dtype of the same precision."""
    return torch.zeros((), dtype=dtype).real.dtype if dtype.is_complex else dtype


def normal(shape: Shape, dtype: torch.dtype, seed: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """Standard normal numbers, the same on every call and in every precision."""
    generator = torch.Generator().manual_seed(1000 + seed)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(shape, generator=generator, dtype=wide).to(device=device, dtype=dtype)


def positive(shape: Shape, dtype: torch.dtype, seed: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """Numbers uniform in [½, 3/2], with a phase in the first quadrant where complex."""
    generator = torch.Generator().manual_seed(2000 + seed)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    x = torch.rand(shape, generator=generator, dtype=wide) + (0.5 + 0.5j if dtype.is_complex else 0.5)
    return x.to(device=device, dtype=dtype)


def double(x: Tensor) -> Tensor:
    """x in double precision, flattened."""
    return x.detach().to(torch.complex128 if x.is_complex() else torch.float64).flatten()


def dot(x: Tensor, y: Tensor) -> complex:
    """⟨x, y⟩ = Σ x̄ y in double precision."""
    a, b = double(x), double(y)
    return complex((a.conj() * b).sum())


def norm(x: Tensor) -> float:
    """‖x‖₂ in double precision."""
    return float(torch.linalg.vector_norm(double(x)))


def distance(x: Tensor, y: Tensor) -> float:
    """‖x − y‖₂ in double precision; zero where both hold the same non-finite numbers."""
    a, b = double(x), double(y)
    if a.is_complex() != b.is_complex():
        a, b = a.to(torch.complex128), b.to(torch.complex128)
    same = torch.isclose(a, b, rtol=0, atol=0, equal_nan=True)
    return float(torch.linalg.vector_norm(torch.where(same, 0, a - b)))


def same(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors agree bit for bit, NaN being equal to NaN."""
    return x.shape == y.shape and x.dtype == y.dtype and bool(torch.isclose(x, y, 0, 0, equal_nan=True).all())


def norm_from_below(op: LinearOperator, dtype: torch.dtype, device: torch.device, iterations: int = 8) -> float:
    """A lower bound on ‖A‖₂ that holds whatever the adjoint does: the largest ‖Av‖/‖v‖ along a power iteration."""
    v, best = normal(op.domain_shape, dtype, 7, device), 0.0
    for _ in range(iterations):
        size = norm(v)
        if not 0 < size < float("inf"):
            break
        v = v / size
        image = op(v)
        best = max(best, norm(image))
        v = op.adjoint(image)
        v = v.real if v.is_complex() and not dtype.is_complex else v
    return best


def dense(op: LinearOperator, device: torch.device, limit: int = 640) -> Tensor | None:
    """A as a real matrix in double precision (complex numbers as pairs), None beyond ``limit`` unknowns."""
    dtype = dtypes(op.domain_field)[0]
    unknowns = prod(op.domain_shape)
    if unknowns > limit:
        return None
    basis = torch.eye(unknowns, dtype=dtype, device=device)
    if dtype.is_complex:
        basis = torch.cat([basis, 1j * basis])
    image = op(basis.reshape(-1, *op.domain_shape)).detach().reshape(len(basis), -1)
    if image.is_complex():
        image = torch.view_as_real(image).flatten(1)
    return image.T
