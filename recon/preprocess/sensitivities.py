"""What steps that estimate coil sensitivities share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.operators.mri.birdcage import birdcage_maps
from recon.operators.mri.fourier import centred_fft


def require_axes(ndim: int, owner: str) -> None:
    """Refuse what is no number of axes of an image."""
    if ndim not in (2, 3):
        raise ValueError(f"{owner} expects ndim 2 for images (ny, nx) or 3 for (nz, ny, nx), got {ndim!r}.")


def with_maps(item: Item, step: str, ndim: int, estimate: Callable[[Tensor], Tensor]) -> Item:
    """The item with ``aux["coil_maps"]`` from its k-space (..., coils, [kz,] ky, kx), and how many pixels have maps."""
    wanted = "(coils, kz, ky, kx)" if ndim == 3 else "(coils, ky, kx)"
    if item.data.ndim <= ndim or not item.data.is_complex():
        kind = "complex" if item.data.is_complex() else "real"
        raise DataError(
            f"{step} expects complex k-space {wanted}, {item.source} is {kind} of shape {tuple(item.data.shape)}."
        )
    try:
        maps = estimate(item.data)
    except ValueError as error:
        raise DataError(f"{item.source}: {error}") from None
    first = maps if maps.ndim == item.data.ndim else maps.select(-2 - ndim, 0)
    covered = float((first != 0).any(-1 - ndim).double().mean())
    if covered == 0:
        raise DataError(
            f"{step} finds no sensitivities in {item.source} of shape {tuple(item.data.shape)}; see "
            f"that axis {-1 - ndim} is that of the coils, and that crop is not too large."
        )
    return item.changed(aux={"coil_maps": maps}, meta={"coil_maps_cover": covered, "coil_maps_ndim": ndim})


def example(planes: int = 0) -> Item:
    """Fully sampled k-space of a disc in three coils, or of so many planes, the outermost of them empty."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    disc = (x**2 + y**2 < 0.5).expand(planes, 16, 16).clone() if planes else x**2 + y**2 < 0.5
    if planes:
        disc[0] = disc[-1] = False
    kspace = centred_fft(birdcage_maps(disc.shape, 3) * disc, disc.ndim)
    return Item("brain", "brain.npy", kspace)
