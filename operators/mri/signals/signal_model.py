"""The root of signal models: series of images from maps of parameters."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.tangent import Tangent
from recon.operators.operator import Operator, Shape
from recon.operators.tensors import fixed, is_number

Maps = tuple[Tensor, ...]
FIRST = 20.0
"""Latest of the first times after 0 that is in s, in units of the typical time of relaxation."""
LAST = 100.0
"""Latest of all times that is in s, in units of the typical time of relaxation."""


class SignalModel(Operator):
    """p ↦ s, s_t[n] = s(t; p[n]): what each voxel n sends at each of the times t of a series.

    Complex ``(*batch, parameters, *shape)`` to complex ``(*batch, times, *shape)``. The unknowns p are pure numbers of
    the order of 1: :meth:`maps` gives the quantities they stand for, in their units, and :meth:`point` the unknowns
    that stand for given maps. p = 0 is no magnetisation and a typical value of everything else, a good start and a good
    anchor of a penalty. Quantities that are real have real unknowns, of which only the real part matters.

    A subclass implements :meth:`physical`, :meth:`unknowns`, :meth:`signal` and its derivatives :meth:`partials`, on
    tuples of tensors ``(*batch, 1, *shape)``, one for each of :attr:`parameters`.

    Attributes
    ----------
    parameters
        Names and units of the maps, in the order of the unknowns.
    times
        t in s.
    """

    domain_field = "complex"
    range_field = "complex"
    parameters: tuple[Parameter, ...]

    def __init__(self, times: Tensor, shape: Sequence[int] | None, parameters: Sequence[Parameter]) -> None:
        self.parameters, self.times = tuple(parameters), times
        maps = () if shape is None else tuple(shape)
        super().__init__((len(self.parameters), *maps), (len(times), *maps))

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], **_: Any) -> Shape:
        """Shape of the maps behind a series of images ``(times, *shape)``."""
        return tuple(data_shape[1:])

    def on(self, shape: Sequence[int]) -> Self:
        """The same model for images of another shape."""
        other = copy.copy(self)
        other.__dict__.pop("_constants", None)
        other.domain_shape = (len(self.parameters), *shape)
        other.range_shape = (len(self.times), *shape)
        return other

    # ---------------------------------------------------------------- what a model is

    @abstractmethod
    def physical(self, p: Maps) -> Maps:
        """The quantities that unknowns stand for."""

    @abstractmethod
    def unknowns(self, quantities: Maps) -> Maps:
        """The inverse of :meth:`physical`."""

    @abstractmethod
    def signal(self, p: Maps, t: Tensor) -> Tensor:
        """s for unknowns p at the times t, which broadcast against them."""

    @abstractmethod
    def partials(self, p: Maps, t: Tensor) -> Maps:
        """∂s/∂p_j, one for each of the unknowns; what is real may be a real tensor."""

    # ---------------------------------------------------------------- maps

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The quantities that unknowns ``(*batch, parameters, *shape)`` stand for, each ``(*batch, *shape)``."""
        self.check(x, self.domain_shape, self.domain_field)
        found = self.physical(self._split(x))
        return {q.name: value.squeeze(self._axis) for q, value in zip(self.parameters, found, strict=True)}

    def point(self, **maps: Tensor | complex) -> Tensor:
        """The unknowns that stand for maps given by name, tensors ``(*batch, *shape)`` or numbers."""
        names = [q.name for q in self.parameters]
        if set(maps) != set(names):
            raise ValueError(f"{self.name} has the maps {', '.join(names)}, got {', '.join(maps) or 'none'}.")
        tensors = torch.broadcast_tensors(*(_tensor(maps[name]) for name in names), torch.zeros(self.domain_shape[1:]))
        wide = [tensor.unsqueeze(self._axis) for tensor in tensors[:-1]]
        found = self.unknowns(tuple(wide))
        given = [value.dtype for value in maps.values() if isinstance(value, Tensor)]
        kind = torch.complex128 if {torch.float64, torch.complex128} & set(given) else torch.complex64
        return torch.cat([part.to(kind) for part in found], self._axis)

    def columns(self, x: Tensor) -> Maps:
        """∂q/∂u for each of the real numbers u that unknowns consist of, ``(*batch, times, *shape)`` each."""
        found: list[Tensor] = []
        for q, slope in zip(self.parameters, self.partials(self._split(x), self._times(x)), strict=True):
            wide = slope.to(x.dtype).expand(*self.batch_shape(x), *self.range_shape)
            found += [wide, 1j * wide] if q.complex else [wide]
        return tuple(found)

    def packed(self, u: Tensor) -> Tensor:
        """Unknowns of single voxels, ``(*batch, parameters)``, from the real numbers ``(*batch, n)``."""
        parts: list[Tensor] = []
        at = 0
        for q in self.parameters:
            parts.append(torch.complex(u[..., at], u[..., at + 1] if q.complex else torch.zeros_like(u[..., at])))
            at += 1 + q.complex
        return torch.stack(parts, -1)

    @property
    def _axis(self) -> int:
        """The axis of parameters and of times."""
        return -len(self.domain_shape)

    def _split(self, x: Tensor) -> Maps:
        parts = x.split(1, self._axis)
        return tuple(part if q.complex else part.real for q, part in zip(self.parameters, parts, strict=True))

    def _times(self, like: Tensor) -> Tensor:
        return self.constant("times", like).reshape(-1, *(1,) * (len(self.domain_shape) - 1))

    # ---------------------------------------------------------------- the operator

    def apply(self, x: Tensor) -> Tensor:
        s = self.signal(self._split(x), self._times(x))
        return s if s.is_complex() else s.to(x.dtype)

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(v, self.domain_shape, self.domain_field)
        return self._push(self.partials(self._split(x), self._times(x)), v)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(w, self.range_shape, self.range_field)
        return self._pull(self.partials(self._split(x), self._times(x)), w)

    def gauss_newton(self, x: Tensor, middle: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor], Tensor]:
        self.check(x, self.domain_shape, self.domain_field)
        partials = self.partials(self._split(x), self._times(x))
        shape = (*self.batch_shape(x), *self.range_shape)
        J = Tangent(partials, [q.complex for q in self.parameters], shape, self._axis, x)
        return lambda v: J.pull(J.push(v) if middle is None else middle(J.push(v)))

    def _push(self, partials: Maps, v: Tensor) -> Tensor:
        total: Tensor | None = None
        for slope, part in zip(partials, self._split(v), strict=True):
            move = product(slope, part)
            total = move if total is None else total + move
        assert total is not None
        shape = (*v.shape[: v.ndim - len(self.domain_shape)], *self.range_shape)
        return total.to(v.dtype).expand(shape)

    def _pull(self, partials: Maps, w: Tensor) -> Tensor:
        parts = []
        for q, slope in zip(self.parameters, partials, strict=True):
            back = product(slope.conj() if slope.is_complex() else slope, w) if q.complex else _inner(slope, w)
            parts.append(back.sum(self._axis, keepdim=True).to(w.dtype))
        return torch.cat(parts, self._axis)


def checked_times(times: Tensor | Sequence[float], owner: str, name: str, scale: float, least: int, of: str) -> Tensor:
    """Times in s as a double-precision vector, of a model that is over within some ``scale`` in s, named ``of``.

    Errors: ValueError where times are negative, of another shape, or fewer different ones than ``least``; where they
    are so long that they must be in other units. TypeError where they are no numbers.
    """
    known = fixed(times, owner, name)
    if known.is_complex() or known.ndim != 1 or not len(known) or bool((known < 0).any()):
        raise ValueError(
            f"{owner} expects {name} to be a list of times in s, none of them negative, got {times!r}."
            if known.numel() < 20
            else f"{owner} expects {name} to be a list of times in s, none of them negative, got shape "
            f"{tuple(known.shape)} with least value {float(known.real.min()):g}."
        )
    known = known.double()
    first, last = float(known[known > 0].min()) if bool((known > 0).any()) else 0.0, float(known.max())
    if first > FIRST * scale or last > LAST * scale:
        raise ValueError(
            f"{owner} expects {name} in s, got {float(known.min()):g} to {last:g}, which is long after a {of} of "
            f"{scale:g} s; divide milliseconds by 1000, or give another typical value."
        )
    different = len(known.unique())
    if different < least:
        raise ValueError(
            f"{owner} expects at least {least} different {name}, which its maps need to be told apart, got {different}."
        )
    return known


def typical(value: float, owner: str, name: str) -> float:
    """A typical value, positive and finite."""
    if not is_number(value) or not 0 < value < float("inf"):
        raise ValueError(f"{owner} expects {name} to be a positive number, a typical value, got {value!r}.")
    return float(value)


def _tensor(value: Tensor | complex) -> Tensor:
    kind = torch.complex128 if isinstance(value, complex) else torch.float64
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=kind)


def product(slope: Tensor, part: Tensor) -> Tensor:
    """slope · part, of which either may be real: torch multiplies them faster than parts of pairs are reached."""
    return slope * part


def _inner(slope: Tensor, w: Tensor) -> Tensor:
    """Re(conj(slope) · w)."""
    return (slope.conj() * w).real if slope.is_complex() else slope * w.real
