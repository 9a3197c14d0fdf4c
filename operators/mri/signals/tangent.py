"""The derivative of a signal model at one point, for many directions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, view_as_real


class Tangent:
    """J and Jᴴ of s_t = s(t; p) from ∂s_t/∂p_j, time after time, so that what is worked on stays in the cache.

    Parameters
    ----------
    partials
        ∂s/∂p_j, which broadcast to ``shape``.
    complex
        Which of the unknowns p_j are complex; the imaginary parts of the others do not matter, and come back as 0.
    shape
        ``(*batch, times, *image)`` of what :meth:`push` gives.
    axis
        The axis of times, and of unknowns, from behind.
    like
        A tensor of the precision of all directions.
    """

    def __init__(
        self, partials: Sequence[Tensor], complex: Sequence[bool], shape: Sequence[int], axis: int, like: Tensor
    ) -> None:
        self.complex, self.shape, self.axis = tuple(complex), tuple(shape), axis
        wide = [partial.to(like.dtype).expand(self.shape) for partial in partials]
        self.slopes = [partial.unbind(axis) for partial in wide]
        self.conjugates = [partial.conj().resolve_conj().unbind(axis) for partial in wide]

    def push(self, v: Tensor) -> Tensor:
        """J v, ``(*batch, unknowns, *image)`` to ``(*batch, times, *image)``."""
        out = v.new_zeros(self.shape)
        parts = [
            part if whole else part.real.to(v.dtype)
            for whole, part in zip(self.complex, v.unbind(self.axis), strict=True)
        ]
        for t, row in enumerate(out.unbind(self.axis)):
            for slopes, part in zip(self.slopes, parts, strict=True):
                row.addcmul_(slopes[t], part)
        return out

    def pull(self, w: Tensor) -> Tensor:
        """Jᴴ w, ``(*batch, times, *image)`` to ``(*batch, unknowns, *image)``."""
        shape = list(self.shape)
        shape[self.axis] = len(self.slopes)
        out, rows = w.new_zeros(shape), w.unbind(self.axis)
        for whole, conjugates, part in zip(self.complex, self.conjugates, out.unbind(self.axis), strict=True):
            for conjugate, row in zip(conjugates, rows, strict=True):
                part.addcmul_(conjugate, row)
            if not whole:
                view_as_real(part)[..., 1] = 0
        return out
