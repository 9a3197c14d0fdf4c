"""What the priors on differences of neighbouring pixels share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.gradient import Gradient
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import is_number
from recon.priors.handcrafted.embedding import least_difference, tv_embedding
from recon.priors.kernels import Constants
from recon.priors.prior import Term

Boundary = Literal["neumann", "circular"]


class Differences:
    """Settings of a :class:`Gradient` for images of any shape; differences along axis a count a_weight/h_a each.

    Parameters
    ----------
    owner
        Name of the prior, for messages.
    axes
        Image axes to differentiate; all if None.
    boundary
        ``"neumann"`` or ``"circular"``.
    spacing
        h > 0, one number or one per axis.
    axis_weights
        Positive factors, one per axis; None for 1.
    """

    def __init__(
        self,
        owner: str,
        axes: Sequence[int] | None,
        boundary: Boundary,
        spacing: float | Sequence[float],
        axis_weights: Sequence[float] | None,
    ) -> None:
        if boundary not in ("neumann", "circular"):
            raise ValueError(f"{owner} expects boundary 'neumann' or 'circular', got {boundary!r}.")
        self.owner, self.boundary = owner, boundary
        self.axes = None if axes is None else tuple(axes)
        self.spacing = _positive(spacing, owner, "spacing")
        self.axis_weights = 1.0 if axis_weights is None else _positive(axis_weights, owner, "axis_weights")

    def widths(self, count: int) -> tuple[float, ...]:
        """h/weight for each of ``count`` axes."""
        return tuple(
            h / a
            for h, a in zip(
                _each(self.spacing, count, self.owner, "spacing"),
                _each(self.axis_weights, count, self.owner, "axis_weights"),
                strict=True,
            )
        )

    def gradient(self, shape: Shape, axes: Sequence[int] | None = None) -> Gradient:
        """D for images of ``shape``, along ``axes`` instead of the settings' where given."""
        chosen = self.axes if axes is None else tuple(axes)
        return Gradient(shape, chosen, self.boundary, self.widths(len(shape) if chosen is None else len(chosen)))


def difference_term(
    functional: Functional,
    D: Gradient,
    floor: float | None,
    isotropic: bool = True,
    operator: LinearOperator | None = None,
    least: float = 1.0,
) -> Term:
    """f(Lx) for L = ``operator`` (D itself if None) with ‖(Lx)ᵢ‖ ≥ ``least``·‖(Dx)ᵢ‖ at each pixel i.

    ``floor`` is a w > 0 with f(z) ≥ w Σᵢ|zᵢ|, in lengths if ``isotropic``, or None where there is none.
    """
    sides = tuple(D.domain_shape[a] for a in D.axes)
    whole = len(sides) == len(D.domain_shape)
    embedding = None
    if floor is not None and floor > 0 and least > 0:
        embedding = tv_embedding(sides, D.spacing, isotropic) / (floor * least)
    return Term(
        functional,
        D if operator is None else operator,
        kernel_constants=whole and least > 0,
        kernel=None if whole or not least > 0 else Constants(D.domain_shape, D.axes),
        embedding=embedding,
        least=least * least_difference(sides, D.spacing) if least > 0 else None,
    )


def check_weights(weights: Tensor, shape: Shape, owner: str) -> None:
    """Refuse weights that are negative or do not broadcast against images of ``shape``."""
    fits = all(w in (1, n) for w, n in zip(reversed(weights.shape), reversed(shape), strict=False))
    if weights.ndim > len(shape) or not fits:
        raise ValueError(f"{owner} got weights of shape {tuple(weights.shape)} for images of shape {shape}.")
    if bool((weights < 0).any()):
        raise ValueError(f"{owner} expects nonnegative weights, got {float(weights.detach().min()):g} among them.")


def _positive(value: float | Sequence[float], owner: str, name: str) -> float | tuple[float, ...]:
    numbers = tuple(value) if isinstance(value, Sequence) else (value,)
    if not numbers or any(not (is_number(n) and 0 < n < float("inf")) for n in numbers):
        raise ValueError(f"{owner} expects positive numbers for {name}, got {value!r}.")
    return tuple(float(n) for n in numbers) if isinstance(value, Sequence) else float(numbers[0])


def _each(value: float | tuple[float, ...], count: int, owner: str, name: str) -> tuple[float, ...]:
    if isinstance(value, float):
        return (value,) * count
    if len(value) != count:
        raise ValueError(f"{owner} expects one entry of {name} for each of {count} axes, got {len(value)}.")
    return value
