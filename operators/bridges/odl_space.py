"""Elements of ODL spaces as tensors, and back."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.operator import Field, Shape


class OdlSpace:
    """A space of ODL, its elements seen as tensors of one shape.

    A space of arrays, discretised or not, keeps its shape. A product of n spaces of equal shape becomes
    ``(n, *shape)``, a product of different ones one flat vector. A field of numbers becomes ``()``; so does a space of
    one number where ``scalar`` asks for it.

    Errors: TypeError for sets that hold no tensors.
    """

    def __init__(self, space: Any, scalar: bool = False) -> None:
        import odl
        from odl.core.space.base_tensors import TensorSpace

        self.space = space
        self.factors: tuple[OdlSpace, ...] = ()
        self.number = isinstance(space, (odl.RealNumbers, odl.ComplexNumbers))
        if isinstance(space, odl.ProductSpace) and len(space):
            self.factors = tuple(OdlSpace(factor) for factor in space.spaces)
        elif not (self.number or isinstance(space, TensorSpace)):
            raise TypeError(f"elements of ODL's {type(space).__name__} are not tensors.")
        complex_ = isinstance(space, odl.ComplexNumbers) if self.number else bool(space.is_complex)
        self.field: Field = "complex" if complex_ else "real"
        shapes = [factor.shape for factor in self.factors]
        self.stacked = len(set(shapes)) == 1
        self.shape: Shape
        if self.factors:
            self.shape = (len(shapes), *shapes[0]) if self.stacked else (sum(map(prod, shapes)),)
        else:
            self.shape = () if self.number else tuple(int(n) for n in space.shape)
        if scalar and self.shape == (1,):
            self.shape = ()

    def element(self, x: Tensor) -> Any:
        """A tensor of :attr:`shape` as an element, in the space's precision."""
        if self.factors:
            parts = x.unbind(0) if self.stacked else x.split([prod(factor.shape) for factor in self.factors])
            pairs = zip(self.factors, parts, strict=True)
            return self.space.element([factor.element(part.reshape(factor.shape)) for factor, part in pairs])
        if self.number:
            return self.space.element(x.item())
        dtype = getattr(torch, str(self.space.dtype).removeprefix("torch."))
        data = x.detach().resolve_conj().resolve_neg().to(dtype).reshape(tuple(self.space.shape))
        if self.space.impl == "pytorch":
            return self.space.element(data.to(self.space.device).clone())
        return self.space.element(data.cpu().contiguous().numpy().copy())

    def tensor(self, element: Any, like: Tensor) -> Tensor:
        """An element as a new tensor, in the precision and on the device of ``like``."""
        real = like.real.dtype if like.is_complex() else like.dtype
        dtype = real.to_complex() if self.field == "complex" else real
        return self._data(element).to(device=like.device, dtype=dtype).reshape(self.shape)

    def weights(self) -> Tensor:
        """w > 0 with ⟨a, b⟩ = Σ w a b̄, in double precision; of :attr:`shape`, or a scalar where it is constant.

        Errors: TypeError for inner products of another form.
        """
        if self.number:
            return torch.ones((), dtype=torch.float64)
        own = self._own_weights()
        if not self.factors:
            return own
        outer = own.expand(len(self.factors))
        parts = [(w * f.weights()).expand(f.shape) for w, f in zip(outer, self.factors, strict=True)]
        joined = self._join(parts)
        return joined.flatten()[0].clone() if bool((joined == joined.flatten()[0]).all()) else joined

    def _own_weights(self) -> Tensor:
        weighting = self.space.weighting
        value = getattr(weighting, "const", getattr(weighting, "array", None))
        exponent = getattr(weighting, "exponent", None)
        if value is None or exponent != 2:
            raise TypeError(
                f"the inner product of ODL's {type(self.space).__name__} is not a weighted sum of products (it is a "
                f"{type(weighting).__name__} of exponent {exponent}), so that there is no transpose to bridge."
            )
        weights = torch.as_tensor(value if isinstance(value, Tensor) else np.array(value)).to("cpu", torch.float64)
        return weights.reshape(()) if weights.numel() == 1 else weights

    def _data(self, element: Any) -> Tensor:
        if self.factors:
            return self._join([factor._data(part) for factor, part in zip(self.factors, element, strict=True)])
        if self.number:
            return torch.tensor(element, dtype=torch.complex128 if self.field == "complex" else torch.float64)
        data = element.data
        return data.detach().clone() if isinstance(data, Tensor) else torch.from_numpy(np.array(data))

    def _join(self, parts: list[Tensor]) -> Tensor:
        return torch.stack(parts) if self.stacked else torch.cat([part.reshape(-1) for part in parts])
