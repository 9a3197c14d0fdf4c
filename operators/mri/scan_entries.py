"""Which trajectory and which image a non-Cartesian scan has, frame by frame and slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from recon.operators.mri.cartesian_entries import check_maps, image_shape
from recon.operators.mri.trajectory import Trajectory
from recon.operators.operator import Shape
from recon.operators.tensors import checked_count, fixed


class ScanEntries(NamedTuple):
    """What the parameters of a scan say together.

    Attributes
    ----------
    image
        Shape of one image.
    stack
        ``(frames,)`` or ``(slices,)``, empty for a single image.
    trajectories
        One of each frame, or a single one.
    coil_maps
        ``(coils, *image)``, or of each slice ``(slices, coils, *image)``; None for a single coil.
    """

    image: Shape
    stack: Shape
    trajectories: tuple[Trajectory, ...]
    coil_maps: Tensor | None

    @property
    def coils(self) -> Shape:
        """``(coils,)``, empty where there are no maps."""
        return () if self.coil_maps is None else (self.coil_maps.shape[-1 - len(self.image)],)

    @property
    def sliced(self) -> bool:
        """Whether slices have maps of their own."""
        return self.coil_maps is not None and self.coil_maps.ndim == len(self.image) + 2


def scan_entries(
    trajectory: Trajectory,
    coil_maps: Tensor | None,
    shape: Sequence[int] | None,
    frames: int | None,
    owner: str,
) -> ScanEntries:
    """The entries of a scan; ValueError or TypeError where its parameters do not fit."""
    ndim = trajectory.ndim
    maps = None if coil_maps is None else fixed(coil_maps, owner, "coil_maps")
    stack: Shape = ()
    trajectories: tuple[Trajectory, ...] = (trajectory,)
    if frames is not None:
        count = checked_count(frames, owner, "frames")
        shots, left = divmod(trajectory.shape[0], count)
        if left or not shots:
            raise ValueError(f"{owner} expects frames to divide the {trajectory.shape[0]} shots, got {count}.")
        stack, trajectories = (count,), tuple(trajectory[n * shots : (n + 1) * shots] for n in range(count))
    if maps is not None:
        stack = _checked_maps(maps, ndim, stack, owner)
    return ScanEntries(_image(shape, maps, ndim, stack, owner), stack, trajectories, maps)


def _checked_maps(maps: Tensor, ndim: int, stack: Shape, owner: str) -> Shape:
    """The stack, which is that of the slices where these have maps of their own."""
    check_maps(maps, owner)
    if maps.ndim not in (ndim + 1, ndim + 2):
        wanted = "(coils, ny, nx)" if ndim == 2 else "(coils, nz, ny, nx)"
        raise ValueError(
            f"{owner} expects coil_maps of shape {wanted} or one such for each slice, got {tuple(maps.shape)}."
        )
    if maps.ndim == ndim + 1:
        return stack
    if stack and stack[0] != maps.shape[0]:
        raise ValueError(f"{owner} expects coil_maps for each of {stack[0]} frames, got {tuple(maps.shape)}.")
    return (maps.shape[0],)


def _image(shape: Sequence[int] | None, maps: Tensor | None, ndim: int, stack: Shape, owner: str) -> Shape:
    if shape is None:
        if maps is None:
            wanted = "(ny, nx)" if ndim == 2 else "(nz, ny, nx)"
            raise ValueError(f"{owner} needs the shape {wanted} of the image, or coil_maps, which tell it.")
        return tuple(maps.shape[-ndim:])
    given = image_shape(shape, owner)
    image = given[1:] if stack and given[:1] == stack and len(given) == ndim + 1 else given
    if len(image) != ndim:
        raise ValueError(f"{owner} expects images of {ndim} axes for a trajectory of {ndim}, got shape {given}.")
    if maps is not None and image != tuple(maps.shape[-ndim:]):
        raise ValueError(
            f"{owner} expects coil_maps of images of shape {image}, got maps of {tuple(maps.shape[-ndim:])}."
        )
    return image
