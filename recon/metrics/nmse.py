"""Normalised mean squared error."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.metrics.checks import as_items


def nmse(image: Tensor, truth: Tensor, *, ndim: int = 2) -> Tensor:
    """‖x − t‖² / ‖t‖², infinite where the truth is zero and the image is not.

    Parameters
    ----------
    image, truth
        ``(*batch, *item)``, real or complex.
    ndim
        Dimensions of one item, counted from the last.

    Returns
    -------
    One value per item, ``batch``, in double precision.
    """
    x, t = as_items(image, truth, ndim, "nmse")
    error = (x - t).abs().square().flatten(x.ndim - ndim).sum(-1)
    energy = t.abs().square().flatten(x.ndim - ndim).sum(-1)
    return torch.where(error == 0, torch.zeros_like(error), error / energy)
