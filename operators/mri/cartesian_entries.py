"""Which mask, which coil maps and which image a Cartesian scan has, frame by frame and slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.mri.masks.sampling_pattern import SamplingPattern
from recon.operators.operator import Shape
from recon.operators.tensors import fixed, is_number


class CartesianEntries(NamedTuple):
    """What the parameters of a scan say together.

    Attributes
    ----------
    image
        Shape of one image, ([nz,] ny, nx).
    grid
        Shape of its k-space, ([nz,] ny, n0).
    stack
        Frames, slices or both, which come before the image; empty for a single image.
    mask
        Booleans, ``(*masks, *grid)``; ``masks`` broadcasts against the stack.
    coil_maps
        ``(*maps, coils, *image)``, ``maps`` broadcasts against the stack; None for a single coil.
    """

    image: Shape
    grid: Shape
    stack: Shape
    mask: Tensor
    coil_maps: Tensor | None


def cartesian_entries(
    mask: Tensor | SamplingPattern,
    coil_maps: Tensor | None,
    shape: Sequence[int] | None,
    ndim: int | None,
    oversampling: float,
    owner: str,
) -> CartesianEntries:
    """The entries of a scan; ValueError or TypeError where its parameters do not fit."""
    maps = None if coil_maps is None else fixed(coil_maps, owner, "coil_maps")
    given = None if shape is None else image_shape(shape, owner)
    samples = None if isinstance(mask, SamplingPattern) else mask_array(mask, owner)
    axes = _axes(ndim, maps, given, samples, owner)
    image = _image(axes, maps, given, samples, oversampling, owner)
    grid = (*image[:-1], oversampled(image[-1], oversampling, owner))
    leads = [() if maps is None else tuple(maps.shape[: -axes - 1]), () if given is None else given[:-axes]]
    if samples is None:
        assert isinstance(mask, SamplingPattern)
        samples = mask(grid, _broadcast(leads, owner))
    samples = checked_mask(samples, grid, owner)
    stack = _broadcast([*leads, tuple(samples.shape[:-axes])], owner)
    if given is not None and len(given) > axes and given[:-axes] != stack:
        raise ValueError(f"{owner} expects a stack of {given[:-axes]} by its shape, got masks or coil_maps of {stack}.")
    return CartesianEntries(image, grid, stack, samples, maps)


def image_shape(shape: Sequence[int], owner: str) -> Shape:
    """Positive whole numbers; ValueError for anything else."""
    try:
        sizes = tuple(shape)
        whole = tuple(int(n) for n in sizes)
    except (TypeError, ValueError):
        sizes, whole = (), ()
    if not whole or sizes != whole or min(whole) < 1:
        raise ValueError(f"{owner} expects a shape of positive whole numbers, ([*stack,] [nz,] ny, nx), got {shape!r}.")
    return whole


def check_maps(maps: Tensor, owner: str) -> None:
    """Refuse coil maps that are real, or zero everywhere."""
    if not maps.is_complex():
        raise TypeError(f"{owner} expects complex coil_maps, got {str(maps.dtype).removeprefix('torch.')}.")
    if maps.numel() and not bool(maps.any()):
        raise ValueError(f"{owner} expects coil_maps with sensitivities other than zero, got zeros only.")


def mask_array(mask: object, owner: str) -> Tensor:
    """A private copy of a mask; TypeError for what is no array."""
    if mask is None or isinstance(mask, str):
        raise TypeError(f"{owner} expects a mask of zeros and ones or a sampling pattern, got {mask!r}.")
    return fixed(mask, owner, "mask")


def checked_mask(mask: Tensor, grid: Shape, owner: str) -> Tensor:
    """Booleans ``(*masks, *grid)``; ValueError for other numbers, other shapes, or nothing sampled."""
    if mask.is_complex() or not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError(f"{owner} expects a mask of zeros and ones, 1 where k-space is sampled.")
    if not bool(mask.any()):
        raise ValueError(f"{owner} expects a mask with at least one sample, got zeros only.")
    if any(m not in (1, n) for m, n in zip(reversed(mask.shape), reversed(grid), strict=False)):
        raise ValueError(
            f"{owner} expects a mask that broadcasts against k-space of shape {grid}, got {tuple(mask.shape)}."
        )
    return mask.bool().expand(*mask.shape[: -len(grid)], *grid)


def gain_of(mask: Tensor, dims: Sequence[int], shifted: bool) -> Tensor:
    """The mask as AᴴA meets it, of size 1 along the axes on which it does not depend.

    With ``shifted`` zero frequency comes first along the others, as without the ramps that centre spectra.
    """
    for axis in dims:
        first = mask.narrow(axis, 0, 1)
        if torch.equal(first.expand_as(mask), mask):
            mask = first
        elif shifted:
            mask = torch.fft.ifftshift(mask, axis)
    return mask.double()


def oversampled(n: int, factor: float, owner: str) -> int:
    """Samples of a readout of n pixels; ValueError unless they are a whole number, of n at least."""
    if not is_number(factor) or not 1 <= factor < float("inf"):
        raise ValueError(f"{owner} expects an oversampling of at least 1, got {factor!r}.")
    samples = round(n * factor)
    if abs(samples - n * factor) > 1e-6:
        raise ValueError(f"{owner} expects an oversampling with a whole number of samples for nx = {n}, got {factor}.")
    return samples


def _axes(ndim: int | None, maps: Tensor | None, shape: Shape | None, mask: Tensor | None, owner: str) -> int:
    """Axes of one image: ``ndim``, or two where nothing has more."""
    if ndim not in (None, 2, 3):
        raise ValueError(f"{owner} expects ndim 2 for images (ny, nx) or 3 for (nz, ny, nx), got {ndim!r}.")
    if maps is not None:
        check_maps(maps, owner)
    axes = 2 if ndim is None else ndim
    wanted = "(ny, nx)" if axes == 2 else "(nz, ny, nx)"
    if maps is not None and maps.ndim < axes + 1:
        raise ValueError(f"{owner} expects coil_maps of shape ([slices,] coils, {wanted[1:]}, got {tuple(maps.shape)}.")
    if shape is not None and len(shape) < axes:
        raise ValueError(f"{owner} expects images of shape {wanted}, got {shape}.")
    if ndim is None:
        sizes = {"coil_maps": () if maps is None else maps.shape[1:], "a shape": shape or ()}
        sizes["a mask"] = () if mask is None else mask.shape
        for what, size in sizes.items():
            if len(size) > axes:
                full = tuple(maps.shape) if what == "coil_maps" and maps is not None else tuple(size)
                coils = {"a mask": "; masks have no axis of coils", "a shape": "; coils need coil_maps"}.get(what, "")
                raise ValueError(
                    f"{owner} got {what} of {full} and expects ndim with it: 3 where images are volumes (nz, ny, nx), "
                    f"2 where they are frames or slices (ny, nx){coils}."
                )
    return axes


def _image(
    axes: int, maps: Tensor | None, shape: Shape | None, mask: Tensor | None, oversampling: float, owner: str
) -> Shape:
    if shape is None and maps is None:
        wanted = "(ny, nx)" if axes == 2 else "(nz, ny, nx)"
        if mask is None or mask.ndim < axes:
            raise ValueError(f"{owner} needs the shape {wanted} of the image, or coil_maps, which tell it.")
        return image_of(tuple(mask.shape[-axes:]), oversampling, owner)
    image = shape[-axes:] if shape is not None else ()
    if maps is None:
        return image
    own = tuple(maps.shape[-axes:])
    if image not in ((), own):
        raise ValueError(f"{owner} expects coil_maps of images of shape {image}, got maps of {own}.")
    return own


def image_of(grid: Shape, oversampling: float, owner: str) -> Shape:
    """Shape of the images whose k-space has the shape ``grid``."""
    n = round(grid[-1] / oversampling) if is_number(oversampling) and oversampling >= 1 else grid[-1]
    if oversampled(max(n, 1), oversampling, owner) != grid[-1]:
        raise ValueError(f"{owner} expects a readout that is {oversampling} times the image, got {grid[-1]} samples.")
    return (*grid[:-1], n)


def _broadcast(stacks: list[Shape], owner: str) -> Shape:
    try:
        return tuple(torch.broadcast_shapes(*stacks))
    except RuntimeError:
        found = " and ".join(str(stack) for stack in stacks if stack)
        raise ValueError(
            f"{owner} expects one mask and one set of coil_maps for all frames and slices or for each, got stacks of "
            f"{found}."
        ) from None
