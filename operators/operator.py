"""The root of everything that maps one tensor to another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.tensors import matching_dtype

if TYPE_CHECKING:
    from recon.operators.linear import LinearOperator

Field = Literal["any", "real", "complex"]
Shape = tuple[int, ...]


class Operator(ABC):
    """A map ``A`` from images to data, possibly nonlinear.

    ``A(x)`` takes ``(*batch, *domain_shape)`` and gives ``(*batch, *range_shape)`` for any number
    of leading batch dimensions, zero included. Precision and device follow the input.

    A subclass implements :meth:`apply` with differentiable torch operations; the derivatives below
    then follow from automatic differentiation, and may be overridden with closed forms.

    Parameters
    ----------
    domain_shape, range_shape
        Shapes of one input item and of one output item.

    Attributes
    ----------
    domain_field, range_field
        ``"complex"`` or ``"real"`` where only such tensors make sense, ``"any"`` where the operator
        acts on both and its output is of the same kind as its input.
    names
        Short names by which configurations call the class; by default its name in snake case.
    values_only
        Whether A has no derivative, so that :meth:`jvp` and :meth:`vjp` raise a CapabilityError.
    """

    domain_field: Field = "any"
    range_field: Field = "any"
    values_only: bool = False
    names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, domain_shape: Sequence[int], range_shape: Sequence[int]) -> None:
        self.domain_shape: Shape = _shape(domain_shape, type(self).__name__, "domain_shape")
        self.range_shape: Shape = _shape(range_shape, type(self).__name__, "range_shape")

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        """Small instances that together cover every mode of the class; the law suites run on them."""
        yield cls()  # type: ignore[call-arg]

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """Evaluate A(x) for an x whose shape and field have been checked."""

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate A(x), ``(*batch, *domain_shape)`` to ``(*batch, *range_shape)``."""
        self.check(x, self.domain_shape, self.domain_field)
        return self.apply(x)

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        """Directional derivative DA(x)[v], of the shape of A(x)."""
        self.check(v, self.domain_shape, self.domain_field)
        result = torch.func.jvp(self.__call__, (x,), (v,))
        value: Tensor = result[0]
        tangent: Tensor = result[1]
        return tangent.to(value.dtype)  # torch promotes 0-dim tangents by Python numbers

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        """Adjoint derivative DA(x)ᴴ[w], of the shape of x (real part where x is real)."""
        self.check(w, self.range_shape, self.range_field)
        return torch.func.vjp(self.__call__, x)[1](w)[0]  # type: ignore[no-any-return]

    def gauss_newton(self, x: Tensor, middle: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor], Tensor]:
        """v ↦ DA(x)ᴴ M DA(x) v for many v, on batches as x: what all of them share may be computed once.

        ``middle`` is M, self-adjoint on tensors as A(x); the identity by default.
        """
        if middle is None:
            return lambda v: self.vjp(x, self.jvp(x, v))
        return lambda v: self.vjp(x, middle(self.jvp(x, v)))

    def linearise(self, x: Tensor) -> LinearOperator:
        """The derivative DA(x) at one item x (no batch dimensions), as a linear operator."""
        from recon.operators.derivative import Derivative

        return Derivative(self, x)

    def __matmul__(self, other: Operator) -> Operator:
        from recon.operators.algebra import compose

        return compose(self, other)

    # ---------------------------------------------------------------- shared by all operators

    @property
    def name(self) -> str:
        """How errors and reports call this operator."""
        return type(self).__name__

    def batch_shape(self, x: Tensor) -> Shape:
        """Leading dimensions of x, which is laid out like an element of the domain."""
        return tuple(x.shape[: x.ndim - len(self.domain_shape)])

    def check(self, x: Tensor, shape: Shape, field: Field = "any") -> None:
        """Raise one clear sentence unless x is a tensor ending in ``shape``, of the right field."""
        if not isinstance(x, Tensor):
            raise TypeError(f"{self.name} expects a torch tensor, got {type(x).__name__}.")
        if x.ndim < len(shape) or tuple(x.shape[x.ndim - len(shape) :]) != shape:
            wanted = ", ".join(["...", *map(str, shape)])
            raise ValueError(f"{self.name} expects a tensor of shape ({wanted}), got {tuple(x.shape)}.")
        if not (x.is_floating_point() or x.is_complex()):
            raise TypeError(
                f"{self.name} expects a floating-point or complex tensor, got {_dtype(x)}; "
                "convert it first, for example with x.float()."
            )
        if field == "complex" and not x.is_complex():
            raise TypeError(f"{self.name} expects a complex tensor, got {_dtype(x)}; use x.to(torch.complex64).")
        if field == "real" and x.is_complex():
            raise TypeError(f"{self.name} expects a real tensor, got {_dtype(x)}; use x.real or x.abs().")

    def constant(self, key: str, like: Tensor) -> Tensor:
        """The tensor attribute ``key``, moved to the device and precision of ``like``.

        Real attributes stay real and complex ones complex. Copies are kept for the next call; they
        depend on nothing but the attribute, which operators never change after construction.
        """
        value: Tensor = getattr(self, key)
        dtype = matching_dtype(value, like)
        if value.dtype == dtype and value.device == like.device:
            return value
        if value.requires_grad:
            return value.to(device=like.device, dtype=dtype)
        cache: dict[tuple[str, torch.dtype, torch.device], Tensor] = self.__dict__.setdefault("_constants", {})
        entry = (key, dtype, like.device)
        if entry not in cache:
            cache[entry] = value.to(device=like.device, dtype=dtype)
        return cache[entry]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_constants"}

    def __repr__(self) -> str:
        return f"{self.name}({_arrow(self.domain_shape)} -> {_arrow(self.range_shape)})"


def _shape(shape: Sequence[int], owner: str, name: str) -> Shape:
    try:
        result = tuple(int(n) for n in shape)
    except TypeError:
        raise TypeError(f"{owner} expects {name} to be a sequence of integers, got {shape!r}.") from None
    if any(n < 1 for n in result) or prod(result) < 1:
        raise ValueError(f"{owner} expects positive sizes in {name}, got {result}.")
    return result


def _arrow(shape: Shape) -> str:
    return "×".join(map(str, shape)) if shape else "scalar"


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")
