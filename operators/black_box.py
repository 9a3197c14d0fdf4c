"""Operators that are known by their values only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from reprlib import repr as shortened
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.operator import Field, Operator


class BlackBox(Operator):
    """A(x) from a function on NumPy arrays, such as a simulator or another program: values, and no derivative.

    Items are evaluated one by one, in double precision on the CPU; the result follows the device and precision of x.
    Methods that need a derivative refuse such an operator by name; :class:`recon.solvers.EnKG` needs none.

    Parameters
    ----------
    function
        Called with one image, a float64 or complex128 array of ``domain_shape`` that it may change; gives an array of
        ``range_shape``.
    domain_shape, range_shape
        Shapes of one image and of its data.
    domain_field, range_field
        ``"real"`` or ``"complex"``.

    Errors: ValueError where the function gives another shape, TypeError where it gives complex numbers for real data;
    CapabilityError where a derivative is asked for.
    """

    names = ("black_box",)
    values_only = True

    def __init__(
        self,
        function: Callable[[NDArray[Any]], Any],
        domain_shape: Sequence[int],
        range_shape: Sequence[int],
        *,
        domain_field: Field = "real",
        range_field: Field = "real",
    ) -> None:
        super().__init__(domain_shape, range_shape)
        if not callable(function):
            raise TypeError(f"BlackBox expects a function on NumPy arrays, got {type(function).__name__}.")
        for name, field in (("domain_field", domain_field), ("range_field", range_field)):
            if field not in ("real", "complex"):
                raise ValueError(f"BlackBox expects {name} 'real' or 'complex', got {field!r}.")
        self.function, self.domain_field, self.range_field = function, domain_field, range_field

    def apply(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad:
            raise self._lacks_derivative()
        images = x.detach().to("cpu", torch.complex128 if x.is_complex() else torch.float64)
        flat = images.reshape(-1, *self.domain_shape).numpy()
        real = x.real.dtype if x.is_complex() else x.dtype
        dtype = real.to_complex() if self.range_field == "complex" else real
        data = torch.empty((len(flat), *self.range_shape), dtype=dtype)
        for index, image in enumerate(flat):
            data[index] = torch.from_numpy(self._checked(self.function(image.copy())))
        return data.reshape(*self.batch_shape(x), *self.range_shape).to(x.device)

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        raise self._lacks_derivative()

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        raise self._lacks_derivative()

    def _checked(self, value: Any) -> NDArray[Any]:
        try:
            array = np.asarray(value)
            known = array.dtype.kind in "biufc"
        except ValueError:
            known = False
        if not known:
            raise TypeError(f"{self.name} expects its function to give an array of numbers, got {shortened(value)}.")
        if array.shape != self.range_shape:
            raise ValueError(
                f"{self.name} expects its function to give data of shape {self.range_shape}, got {array.shape}."
            )
        if array.dtype.kind == "c" and self.range_field == "real":
            raise TypeError(f"{self.name} expects real data from its function, got complex; use range_field='complex'.")
        return array.astype(np.complex128 if self.range_field == "complex" else np.float64)

    def _lacks_derivative(self) -> CapabilityError:
        return CapabilityError(
            f"{self.name} is known by its values only and has no derivative; use EnKG, which needs none."
        )

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(_hypotenuse, (3, 2), (3,))
        yield cls(_intensity, (2, 2), (4,), domain_field="complex")


def _hypotenuse(image: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hypot(image[:, 0], image[:, 1])


def _intensity(image: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.abs(np.fft.fft(image.ravel())) ** 2
