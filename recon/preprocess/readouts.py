"""What steps that transform readouts share."""

from __future__ import annotations

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis


def require_kspace(item: Item, step: str, axes: int) -> None:
    """Refuse real data and such of fewer axes."""
    if item.data.ndim < axes or not item.data.is_complex():
        kind = "complex" if item.data.is_complex() else "real"
        raise DataError(
            f"{step} expects complex k-space of at least {axes} axes, {item.source} is {kind} of shape "
            f"{tuple(item.data.shape)}."
        )


def require_whole_readouts(item: Item, axis: int, step: str, advice: str) -> None:
    """Refuse k-space of which readouts, along ``axis``, were sampled in part; ``advice`` says what to do then."""
    require_axis(item.data, axis, step, item.source)
    mask = item.aux.get("mask")
    if mask is not None and mask.ndim >= -axis and mask.shape[axis] > 1:
        mask = mask != 0
        partial = bool((mask != mask.narrow(axis, 0, 1)).any())
    else:
        taken = (item.data != 0).movedim(axis, -1).flatten(0, -2).any(0)
        partial = bool(taken.any()) and not bool(taken.all())
    if partial:
        raise DataError(f"{step} needs whole readouts, and {item.source} has such as were sampled in part; {advice}.")
