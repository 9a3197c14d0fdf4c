"""Learned perceptual image patch similarity."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.metrics.checks import as_items, check_range

BACKBONE = "alexnet-owt-7be5be79.pth"
"""Weights of torchvision's AlexNet, which LPIPS compares by."""


def lpips_weights() -> Path | None:
    """Where torch keeps the weights of the network; None where it has none, as they are never downloaded here."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / BACKBONE
    return path if path.is_file() else None


def lpips(image: Tensor, truth: Tensor, *, low: float, data_range: float, color: bool = False) -> Tensor:
    """LPIPS by AlexNet, 0 for equal images; by torchmetrics, through deepinv.

    Values are mapped from [low, low + data_range] to [0, 1], and what lies outside is clipped; grey images are given
    to the network as three equal colours.

    Parameters
    ----------
    image, truth
        ``(*batch, H, W)``, or ``(*batch, 3, H, W)`` where ``color``; real.

    Returns
    -------
    One value per item, ``batch``, in double precision.

    Errors: FileNotFoundError where torch has not stored the weights of AlexNet.

    Source: Zhang, Isola, Efros, Shechtman and Wang, CVPR 2018.
    """
    check_range(data_range, "lpips")
    if image.is_complex() or truth.is_complex():
        raise TypeError("lpips expects real images; compare magnitudes with x.abs().")
    if lpips_weights() is None:
        raise FileNotFoundError(
            f"lpips needs the weights {BACKBONE} in {Path(torch.hub.get_dir()) / 'checkpoints'}; torchvision's "
            "alexnet(weights='DEFAULT') puts them there."
        )
    ndim = 3 if color else 2
    x, t = as_items(image, truth, ndim, "lpips")
    batch = x.shape[: x.ndim - ndim]
    planes = (-1, 3 if color else 1, *x.shape[-2:])
    shown = [((one - low) / data_range).clamp(0, 1).float().reshape(planes).expand(-1, 3, -1, -1) for one in (x, t)]
    values: Tensor = _network()(*shown)
    return values.detach().to(torch.float64).reshape(batch)


@cache
def _network() -> Any:
    from deepinv.loss.metric import LPIPS

    return LPIPS(net_type="alex")
