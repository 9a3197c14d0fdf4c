"""What the diffusion literature calls a sampler: a rule that takes a state to the next noise level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from recon.operators.tensors import per_item, shared_number

Rule = Callable[[float, float], float]
"""A number from σ and s."""


class Level:
    """Per item, in double precision on the CPU: the noise level σ of a state, the next one, and the one before.

    Where all items have the same levels that are given as numbers, tensors are made when they are asked for.

    Attributes
    ----------
    sigma, lower, upper
        ``(batch,)``; ``lower`` is 0 at the end of a schedule and ``upper`` infinite at its start.
    most
        The highest level of the schedule, infinite where it is not known.
    count
        Number of items.
    """

    most: float
    count: int

    def __init__(self, sigma: Tensor, lower: Tensor, upper: Tensor, most: float = inf) -> None:
        self.__dict__.update(sigma=sigma, lower=lower, upper=upper, most=most, count=len(sigma))

    @classmethod
    def shared(cls, sigma: float, lower: float, upper: float, count: int, most: float = inf) -> Level:
        """The same levels for ``count`` items."""
        level = cls.__new__(cls)
        level.__dict__.update(numbers=(sigma, lower), _upper=upper, most=most, count=count)
        return level

    @cached_property
    def sigma(self) -> Tensor:
        return self._whole(self.numbers[0])  # type: ignore[index]

    @cached_property
    def lower(self) -> Tensor:
        return self._whole(self.numbers[1])  # type: ignore[index]

    @cached_property
    def upper(self) -> Tensor:
        return self._whole(self.__dict__["_upper"])

    @cached_property
    def numbers(self) -> tuple[float, float] | None:
        """(σ, s) where all items have the same."""
        sigma, lower = shared_number(self.sigma), shared_number(self.lower)
        return None if sigma is None or lower is None else (sigma, lower)

    @property
    def at(self) -> float | Tensor:
        """σ as priors take it: one number where all items have the same, else one per item."""
        return self.sigma if self.numbers is None else self.numbers[0]

    def each(self, rule: Rule) -> Tensor | float:
        """``rule(σ, s)`` per item; one number where all items have the same levels, which is quicker than tensors."""
        if self.numbers is not None:
            return rule(*self.numbers)
        values = [rule(*pair) for pair in zip(self.sigma.tolist(), self.lower.tolist(), strict=True)]
        return torch.tensor(values, dtype=torch.float64)

    def per_item(self, rule: Rule) -> Tensor:
        """``rule(σ, s)`` per item, ``(batch,)``."""
        values = self.each(rule)
        return values if isinstance(values, Tensor) else self._whole(values)

    @property
    def ends(self) -> bool:
        """Whether the schedule ends here for all items: s = 0."""
        return not bool(self.lower.any()) if self.numbers is None else self.numbers[1] == 0

    def moved(self, sigma: Rule, lower: Rule, upper: Rule | None = None) -> Level:
        """Levels ``sigma(σ, s)``, ``lower(σ, s)`` and ``upper(σ, s)``, by default the one before σ as here."""
        if self.numbers is not None and (upper is not None or "_upper" in self.__dict__):
            number = self.__dict__["_upper"] if upper is None else upper(*self.numbers)
            return Level.shared(sigma(*self.numbers), lower(*self.numbers), number, self.count, self.most)
        before = self.upper if upper is None else self.per_item(upper)
        return Level(self.per_item(sigma), self.per_item(lower), before, self.most)

    def _whole(self, number: float) -> Tensor:
        return torch.full((self.count,), number, dtype=torch.float64)


class Noise(Protocol):
    """White noise of a step, one image per item: draw ``k`` is the same however often it is asked for.

    Integrators take draws 0 to 15, guidance those from 16 on.
    """

    def __call__(self, draw: int, like: Tensor | None = None) -> Tensor:
        """N(0, I) like the images, or like the items of another tensor."""
        ...


Estimate = Callable[[Tensor, Level], Tensor]
"""(u, level) ↦ E[x₀ | u], or E[x₀ | u, y] under guidance, ``(batch, *shape)``."""


class Move(NamedTuple):
    """The next state, the first estimate of x₀ on the way there, and what the next step needs of this one."""

    u: Tensor
    x0: Tensor
    memory: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Integrator(ABC):
    """A rule that takes u = x₀ + σ z to u′ = x₀ + s z′ at the next level s < σ, from estimates of x₀.

    It integrates the reverse diffusion du = −2 σ ∇ log p_σ(u) dσ + (2σ)^½ dw, or the flow du = −σ ∇ log p_σ(u) dσ with
    the same marginals, where ∇ log p_σ(u) = (D(u, σ) − u)/σ²; or one in between. At s = 0 all end on an estimate of x₀.
    States are u = x₀ + σ z here, whatever process the prior was trained with: a variance-preserving state is u over
    (1 + σ²)^½, and rules stated for such states are given in these.
    """

    names: ClassVar[tuple[str, ...]] = ()
    memory: ClassVar[int] = 0
    """How many images are kept from step to step."""

    @abstractmethod
    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        """One step.

        Parameters
        ----------
        estimate
            (u, level) ↦ x̂₀; may be called several times, at levels between ``level.sigma`` and ``level.lower``.
        u
            States ``(batch, *shape)``.
        noise
            White noise of this step.
        memory
            What the step before left; images of NaN at the first.
        """

    @property
    def calls(self) -> int:
        """Estimates a step takes, the last one of a schedule aside."""
        return 1

    @property
    def conditional(self) -> bool:
        """Whether steps follow the reverse diffusion itself, so that from u they draw x ~ p(x | u).

        Others keep the marginal laws of the levels only.
        """
        return False


def wide(values: Tensor, like: Tensor) -> Tensor:
    """One number per item, shaped to broadcast against ``like``, on its device and in its precision.

    One that all items share stays on the CPU, without dimensions: that broadcasts too, and no device waits for it.
    """
    if shared_number(values) is not None:
        first: Tensor = values[0]
        return first
    real = like.real.dtype if like.is_complex() else like.dtype
    return per_item(values.to(like.device, real), like, like.ndim - 1)  # type: ignore[return-value]


def plus(x: Tensor, values: Tensor | float, y: Tensor) -> Tensor:
    """x + c y, with one c per item."""
    c = shared_number(values) if isinstance(values, Tensor) else values
    return x + wide(values, x) * y if c is None else torch.add(x, y, alpha=c)  # type: ignore[arg-type]


def toward(x: Tensor, values: Tensor | float, y: Tensor) -> Tensor:
    """x + c (y − x), with one c per item."""
    c = shared_number(values) if isinstance(values, Tensor) else values
    return x + wide(values, x) * (y - x) if c is None else torch.lerp(x, y, c)  # type: ignore[arg-type]


def noisy(u: Tensor, spread: Tensor | float, noise: Noise, draw: int = 0) -> Tensor:
    """u + c z, with one c per item; nothing is drawn where all are zero."""
    c = shared_number(spread) if isinstance(spread, Tensor) else spread
    return u if c == 0 else plus(u, spread if c is None else c, noise(draw))


def renoise(u: Tensor, x0: Tensor, level: Level, fresh: Callable[[float, float], float], noise: Noise) -> Tensor:
    """x₀ + (s² − c²)^½ (u − x₀)/σ + c z, with c = ``fresh(σ, s)`` ≤ s the standard deviation of new noise."""
    kept = level.each(lambda sigma, s: sqrt(max(s**2 - fresh(sigma, s) ** 2, 0.0)) / sigma)
    return noisy(toward(x0, kept, u), level.each(fresh), noise)


def ancestral_noise(level: Level) -> Tensor:
    """s (1 − (s/σ)²)^½: the standard deviation of p(u′ | u, x₀)."""
    return level.lower * (1 - (level.lower / level.sigma).square()).clamp(min=0).sqrt()


def ancestral_spread(sigma: float, s: float) -> float:
    """:func:`ancestral_noise` for numbers."""
    return s * sqrt(max(1 - (s / sigma) ** 2, 0.0))
