"""Lambert's function of arguments that are kept in logarithms."""

from __future__ import annotations

import torch
from torch import Tensor


def omega(log: Tensor) -> Tensor:
    """w > 0 with w + log w = ``log``, to rounding: W(e^log), by three steps of fourth order.

    Source: F. N. Fritsch, R. E. Shafer and W. P. Crowley, Commun. ACM 16 (1973) 123.
    """
    low = log < -1
    small = torch.exp(log.clamp(max=0))
    large = torch.where(low, 1, log)
    w = torch.where(low, small / (1 + small), torch.where(large > 2, large - torch.log(large.clamp_min(2)), 0.6))
    tiny = w < torch.finfo(log.dtype).eps
    w = torch.where(tiny, 1, w)
    level = torch.where(tiny, 1, log)
    for _ in range(3):
        r = level - w - torch.log(w)
        q = 2 * (1 + w) * (1 + w + 2 * r / 3)
        w = w * (1 + r / (1 + w) * (q - r) / (q - 2 * r))
    return torch.where(tiny, small, w)
