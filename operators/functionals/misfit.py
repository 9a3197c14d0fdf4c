"""What functionals of weighted residuals share."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import prod
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.operator import Shape
from recon.operators.tensors import item_norm, learnable, per_item, positive_weight


class Misfit(Functional):
    """f(z) = Σ wᵢ φ(|zᵢ − yᵢ|) for a φ ≥ 0 that vanishes at 0 and grows.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    data
        y, ``(*batch, *domain_shape)``; zero if omitted.
    weight
        w: a number > 0; one number > 0 per item, of shape ``batch``; or numbers ≥ 0 per element, which broadcast
        against ``(*batch, *domain_shape)``: 0 leaves a measurement out. A tensor that could be either is one per item;
        give it a leading dimension of 1 to have it per element. Without data, a tensor is per element where it has as
        many dimensions as an item and broadcasts against it.

    Attributes
    ----------
    weight
        The number or numbers per item; 1 where weights were given per element.
    elements
        The weights per element, None where there are none.

    Errors: ValueError for weights that are negative, not finite, all zero or of another shape.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {
        "data": "item",
        "weight": "scalar",
        "elements": "item",
    }
    separable = True

    def __init__(self, domain_shape: Sequence[int], data: Tensor | None, weight: float | Tensor) -> None:
        super().__init__(domain_shape)
        if data is not None:
            self.check(data, self.domain_shape)
            if data.is_complex():
                self.domain_field = "complex"
        self.data = data
        self.weight: float | Tensor = 1.0
        self.elements: Tensor | None = None
        if isinstance(weight, Tensor) and self._is_per_element(weight):
            self.elements = self._checked_elements(weight)
        else:
            name = type(self).__name__
            self.weight = self._as_data(positive_weight(weight, f"{name} expects a positive, finite weight"))

    # ---------------------------------------------------------------- weights

    @property
    def _batch(self) -> Shape | None:
        """The batch that the data prescribe, None if there are none."""
        return None if self.data is None else tuple(self.data.shape[: self.data.ndim - self.ndim])

    def _is_per_element(self, weight: Tensor) -> bool:
        shape = tuple(weight.shape)
        if not shape or shape == self._batch:
            return False
        trailing = shape[-self.ndim :] if self.ndim else ()
        sizes = zip(trailing[::-1], self.domain_shape[::-1], strict=False)
        fits = bool(trailing) and all(n in (1, m) for n, m in sizes)
        if self._batch is None:
            return fits and len(shape) >= self.ndim
        if not fits and self._batch != ():
            raise ValueError(
                f"{type(self).__name__} expects a weight that is a number, one per item {self._batch}, or broadcasts "
                f"against items of {self.domain_shape}, got shape {shape}."
            )
        return fits

    def _checked_elements(self, weight: Tensor) -> Tensor:
        name = type(self).__name__
        if weight.is_complex():
            raise ValueError(f"{name} expects real weights, got {weight.dtype}.")
        numbers = learnable(weight, name, "weight")
        if bool((numbers < 0).any()) or not bool((numbers > 0).any()):
            raise ValueError(f"{name} expects weights >= 0 that are not all zero, got least {float(weight.min()):g}.")
        lead = tuple(numbers.shape[: max(numbers.ndim - self.ndim, 0)])
        item = (1,) * (self.ndim - numbers.ndim + len(lead)) + tuple(numbers.shape[len(lead) :])
        batch = lead if self._batch is None else self._batch
        if prod(lead) == 1:
            return self._as_data(numbers.reshape(item))
        if len(lead) > len(batch) or any(n not in (1, m) for n, m in zip(lead[::-1], batch[::-1], strict=False)):
            raise ValueError(f"{name} got weights for a batch {lead}, but data for a batch {batch}.")
        return self._as_data(numbers.expand(*batch, *item).contiguous())

    def _as_data(self, value: float | Tensor) -> Tensor:
        """In the precision and on the device of the data."""
        if isinstance(value, Tensor):
            if self.data is not None:
                return value.to(self.data.real if self.data.is_complex() else self.data)
            return value if value.is_floating_point() else value.to(torch.get_default_dtype())
        return value  # type: ignore[return-value]

    def _weight(self, like: Tensor) -> Tensor | float:
        """w, shaped to broadcast against ``like``."""
        whole: Tensor | float = self.weight
        if isinstance(whole, Tensor):
            whole = per_item(self.constant("weight", like), like, self.ndim)
        return whole if self.elements is None else whole * self.constant("elements", like)

    def _least_weight(self) -> float | Tensor:
        """min w, a number or one per item."""
        return self.weight if self.elements is None else self.weight * self._over_elements(self.elements).amin(-1)

    def _largest_weight(self) -> float | Tensor:
        """max w, a number or one per item."""
        return self.weight if self.elements is None else self.weight * self._over_elements(self.elements).amax(-1)

    def _mean_weight(self) -> float | Tensor:
        """Mean of the weights that are not zero, a number or one per item."""
        if self.elements is None:
            return self.weight
        values = self._over_elements(self.elements)
        return self.weight * values.sum(-1) / (values > 0).sum(-1).clamp(min=1)

    def _over_elements(self, values: Tensor) -> Tensor:
        return values.flatten(values.ndim - self.ndim) if self.ndim else values.unsqueeze(-1)

    # ---------------------------------------------------------------- residuals

    def _data(self, like: Tensor) -> Tensor | float:
        return 0.0 if self.data is None else self.constant("data", like)

    def _data_norm(self, like: Tensor) -> Tensor | float:
        """‖y‖ per item, 0 without data."""
        return 0.0 if self.data is None else item_norm(self.constant("data", like), self.ndim).to(like.dtype)

    def _pairing(self, y: Tensor) -> Tensor | float:
        """Re⟨y, data⟩ per item."""
        return 0.0 if self.data is None else self.inner(y, self.constant("data", y))

    def _radius(self, level: Tensor, least: float | Tensor, reach: Tensor) -> Tensor:
        """‖y‖ plus ``reach``, infinite where the least weight is zero."""
        known = torch.as_tensor(least, dtype=level.dtype, device=level.device) > 0
        return torch.where(known, reach + self._data_norm(level), torch.inf)

    def _per_weight(self, level: Tensor, least: float | Tensor) -> Tensor:
        """level/w for the least weight w, or for 1 where that is zero."""
        number = torch.as_tensor(least, dtype=level.dtype, device=level.device)
        return level / torch.where(number > 0, number, 1)

    # ---------------------------------------------------------------- the dual's domain

    def dual_support(self, like: Tensor) -> Tensor | None:
        if self.elements is None or self.elements.ndim > self.ndim:
            return None
        return (self.constant("elements", like) > 0).to(like.real.dtype if like.is_complex() else like.dtype)

    def support_radius(self, level: Tensor) -> Tensor:
        if self.elements is None or self.elements.ndim > self.ndim:
            return self.level_radius(level)
        seen = copy.copy(self)
        seen.__dict__.pop("_constants", None)
        values = self._over_elements(self.elements)
        least = torch.where(values > 0, values, torch.inf).amin(-1)
        seen.elements = torch.where(self.elements > 0, self.elements, least.reshape(*least.shape, *(1,) * self.ndim))
        return seen.level_radius(level)

    def __mul__(self, factor: float | Tensor) -> Self:
        """c·f, the weights multiplied by a number c > 0 or one per item."""
        clone = copy.copy(self)
        clone.__dict__.pop("_constants", None)
        number = positive_weight(factor, f"{type(self).__name__} can be multiplied by a positive number")
        clone.weight = self._as_data(number * self.weight)
        return clone

    __rmul__ = __mul__
