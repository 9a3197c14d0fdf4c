"""How often operators, denoisers and their derivatives are called, counted only while somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

from torch import Tensor

from recon.operators.operator import Operator
from recon.priors.learned.latent_prior import LatentPrior
from recon.priors.prior import Prior

COUNTED = {
    "apply": "forward",
    "apply_adjoint": "adjoint",
    "normal": "normal",
    "solve_normal": "solve_normal",
    "denoise": "denoise",
    "expectation": "denoise",
    "linearise": "denoise",
    "jvp": "forward",
    "vjp": "adjoint",
}
"""Method to what a call of it is counted as."""
CALLS = ("forward", "adjoint", "normal", "solve_normal", "denoise", "vjp")
"""What calls are counted as."""
_WHOLE = ("normal", "solve_normal", "denoise", "linearise", "jvp", "vjp")
"""Methods inside which further calls belong to the one that is counted."""
_OF_DATA = ("apply_adjoint",)
"""Methods whose first argument is data rather than an image."""


class Calls(Counter[str]):
    """How many calls there were of each kind; ``images`` counts each as often as it was made for an image."""

    def __init__(self) -> None:
        super().__init__()
        self.images: Counter[str] = Counter()

    def add(self, kind: str, images: int) -> None:
        """Count a call for so many images."""
        self[kind] += 1
        self.images[kind] += images


@contextmanager
def counted(*objects: Operator | Prior | None, shape: Sequence[int] | None = None) -> Iterator[Calls]:
    """Counts of the calls of some objects inside the block.

    ``forward`` and ``adjoint`` are applications of A and Aᴴ and of the derivatives of nonlinear A, ``normal`` those of
    AᴴA as one, ``solve_normal`` closed forms of (AᴴA + ρI)⁻¹, ``denoise`` calls of a denoiser, ``vjp`` those of its
    adjoint derivative, the pullback of :meth:`recon.priors.DiffusionPrior.linearise`. A call for a batch counts once
    here and as often as it has images in ``images``. What an operator's parts do, such as the subsets of its rays, is
    not seen.

    While the block runs the objects are of a subclass of their own class; outside it nothing is left that could cost.
    Blocks inside each other count on their own.

    Parameters
    ----------
    shape
        Shape of one image, for priors that have none of their own; without it their calls are one image each.
    """
    calls = Calls()
    entered: list[Any] = []
    for named in objects:
        thing = named.prior if isinstance(named, LatentPrior) else named  # the decoder is no denoiser
        if thing is None or any(thing is other for other in entered):
            continue
        entered.append(thing)
        if "_tally" not in thing.__dict__:
            thing.__dict__["_tally"] = _Tally(type(thing))
            thing.__class__ = _counting(type(thing))
        thing.__dict__["_tally"].counts.append((calls, None if shape is None else prod(shape)))
    try:
        yield calls
    finally:
        for thing in entered:
            tally: _Tally = thing.__dict__["_tally"]
            tally.counts = [count for count in tally.counts if count[0] is not calls]
            if not tally.counts:
                thing.__class__ = tally.cls
                del thing.__dict__["_tally"]


@dataclass
class _Tally:
    """Who counts the calls of an object, its class outside, and whether a counted call is under way."""

    cls: type
    counts: list[tuple[Calls, int | None]] = field(default_factory=list)
    inside: bool = False

    def add(self, thing: Any, name: str, kind: str, argument: Any) -> None:
        """Count a call, with the size of its images as the object has it, else as the one who counts says."""
        own = getattr(thing, "range_shape" if name in _OF_DATA else "domain_shape", getattr(thing, "shape", None))
        for calls, given in self.counts:
            size = given if own is None else prod(own)
            known = isinstance(argument, Tensor) and size
            calls.add(kind, argument.numel() // size if known else 1)


_MADE: dict[type, Any] = {}


def _counting(cls: type) -> Any:
    """A subclass whose methods count, made once."""
    if cls in _MADE:
        return _MADE[cls]
    methods = {name: _wrapped(name, kind) for name, kind in COUNTED.items() if hasattr(cls, name)}
    if issubclass(cls, Operator):
        methods.pop("linearise", None)  # which is made of calls that are counted themselves
    made = type(cls.__name__, (cls,), {**methods, "__module__": cls.__module__, "__qualname__": cls.__qualname__})
    _MADE[cls] = made
    return made


def _wrapped(name: str, kind: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        tally: _Tally | None = self.__dict__.get("_tally")
        method = getattr(super(type(self), self), name)
        if tally is None or tally.inside:
            return method(*args, **kwargs)
        tally.add(self, name, kind, args[0] if args else next(iter(kwargs.values()), None))
        if name not in _WHOLE:
            return method(*args, **kwargs)
        tally.inside = True
        try:
            made = method(*args, **kwargs)
        finally:
            tally.inside = False
        return made._replace(pullback=_pullback(self, tally, made.pullback)) if name == "linearise" else made

    return call


def _pullback(thing: Any, tally: _Tally, pullback: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def call(w: Tensor) -> Tensor:
        tally.add(thing, "pullback", "vjp", w)
        return pullback(w)

    return call
