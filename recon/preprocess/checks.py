"""Sentences that several steps say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from recon.files.item import DataError, Item


def require_real(item: Item, step: str) -> None:
    """Refuse complex data."""
    if item.data.is_complex():
        raise DataError(f"{step} expects real data, {item.source} is complex; take it out of preprocess.")


def require_axis(array: Tensor, axis: int, step: str, what: str) -> int:
    """The axis counted from the front; refuse one that the array does not have."""
    if not -array.ndim <= axis < array.ndim:
        raise DataError(f"{step} expects an axis {axis}, {what} has shape {tuple(array.shape)}.")
    return axis % array.ndim


def refuse_moving_the_axis(item: Item, axis: int, roles: Sequence[str], step: str) -> None:
    """Refuse to cut or mirror the detector after the rotation axis has been located on it."""
    if "axis_offset_px" in item.meta and "data" in roles and axis % item.data.ndim == item.data.ndim - 1:
        raise DataError(
            f"{step} along the detector moves the rotation axis of {item.source}; put it before rotation_axis."
        )


def scan_after(item: Item, roles: Sequence[str], step: str) -> dict[str, Any]:
    """The item's scan after a change to its detector: none where its rays diverge from a source that stays.

    What is left in the notes tells why the item's geometry cannot be taken up any more.
    """
    if item.scan is None or "data" not in roles or "source_to_axis" not in item.scan.geometry:
        return {}
    return {"scan": None, "meta": {"geometry_lost_to": step}}


def no_value_range(item: Item) -> dict[str, None]:
    """Takes the nominal range of the stored numbers out of the notes, for a step that gives them another meaning."""
    return {"value_range": None} if "value_range" in item.meta else {}


def require_roles(roles: object, step: str) -> None:
    """Refuse, when a step is built, anything but a sequence of role names."""
    if (
        isinstance(roles, str)
        or not isinstance(roles, Sequence)
        or not all(isinstance(r, str) for r in roles)
        or not roles
    ):
        raise ValueError(f"{step} expects roles to be a list of names such as [data, truth], got {roles!r}.")


def without_place(item: Item, roles: Sequence[str], step: str) -> Item:
    """The item without the place in space that its file tells, where the step has moved the data's elements.

    ``spacing_mm`` and ``affine`` go, which would otherwise be written beside an image that they no longer fit.
    """
    known = [key for key in ("spacing_mm", "affine") if item.meta.get(key) is not None]
    if "data" not in roles or not known:
        return item
    return item.changed(meta={**dict.fromkeys(known), "place_lost_to": step})
