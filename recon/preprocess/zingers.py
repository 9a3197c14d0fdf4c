"""Zingers: single readings far too bright."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import torch
from scipy.ndimage import median_filter
from torch import Tensor
from torch.nn.functional import max_pool2d

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis, require_real, require_roles
from recon.preprocess.step import Step

MOST = 0.05
"""Part of the readings beyond which they are no exceptions any more."""
FLOOR = 1e-3
"""Least noise taken for real, over the median magnitude."""
NEARBY = (3, 9)
"""Rows and bins over which the noise is taken to be the same."""


@dataclass(frozen=True)
class Zingers(Step):
    """Replace readings that X-rays or cosmic particles hitting the camera have made far too bright in one exposure.

    A reading x of frame j is a zinger where it exceeds everything read nearby in the frames before and after,

        x_jk > max { x_ik′ : i = j ± 1, |k′ − k| ≤ reach } + threshold · σₖ,

    and becomes the mean of x_{j−1,k} and x_{j+1,k}. An edge of the object that moves by no more than ``reach`` bins
    from view to view is found nearby and so is never taken for one, however sharp; a zinger may cover any number of
    bins. σₖ is 1.4826 median_j |x_jk − (x_{j−1,k} + x_{j+1,k})/2| / √(3/2), the robust standard deviation over the
    frames, of which the running median over 9 bins (and 3 rows) is taken, and at least a tenth of its median over the
    detector. For the first and the last frame the two next to it stand in.

    The step belongs first, before ``flat_field``, where zingers are bright; in line integrals they are dark. How many
    readings were replaced is counted in ``meta["zingers"]``, per role.

    Parameters
    ----------
    threshold
        Standard deviations.
    sign
        ``"bright"`` for counts and transmission, ``"dark"`` for line integrals.
    reach
        Bins (and rows) within which neighbouring views are searched.
    roles
        The arrays to treat, such as ``[data, flats, darks]``.
    axis
        Their axis along which the frames run.

    Raises
    ------
    DataError
        If an array is complex or has fewer than three frames, or more than a twentieth of its readings stand out.
    """

    names: ClassVar[tuple[str, ...]] = ("zingers",)

    threshold: float = 6.0
    sign: Literal["bright", "dark"] = "bright"
    reach: int = 2
    roles: Sequence[str] = ("data",)
    axis: int = 0

    def __post_init__(self) -> None:
        require_roles(self.roles, "Zingers")
        if not (isfinite(self.threshold) and self.threshold > 0):
            raise ValueError(f"Zingers expects a positive threshold, got {self.threshold!r}.")
        if self.sign not in ("bright", "dark"):
            raise ValueError(f"Zingers expects sign 'bright' or 'dark', got {self.sign!r}.")
        if isinstance(self.reach, bool) or not isinstance(self.reach, int) or self.reach < 0:
            raise ValueError(f"Zingers expects reach to be a whole number from 0 up, got {self.reach!r}.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "zingers")
        cleaned, counts = {}, {}
        for role in self.roles:
            cleaned[role], counts[role] = self._clean(item.array(role), role, item.source)
        return item.with_arrays(cleaned).changed(meta={"zingers": counts})

    def _clean(self, array: Tensor, role: str, source: str) -> tuple[Tensor, int]:
        axis = require_axis(array, self.axis, "zingers", f"{role} of {source}")
        shape = tuple(array.shape)
        if array.is_complex() or array.ndim not in (2, 3) or axis == array.ndim - 1 or shape[axis] < 3:
            raise DataError(
                f"zingers expects {role} to be real, (frames, bins) or (frames, rows, bins), with three frames or more "
                f"along axis {self.axis}; that of {source} is {str(array.dtype).removeprefix('torch.')} of {shape}."
            )
        frames = array.movedim(axis, 0)
        x = (frames if self.sign == "bright" else -frames).double()
        before, after = torch.cat([x[2:3], x[:-1]]), torch.cat([x[1:], x[-3:-2]])
        nearby = torch.maximum(self._highest(before), self._highest(after))
        found = x > nearby + self.threshold * _noise(x)
        count = int(found.sum())
        if count > MOST * found.numel():
            raise DataError(
                f"zingers finds {count} of {found.numel()} readings in {role} of {source} to stand out, which are no "
                "exceptions; raise the threshold, or leave the step out."
            )
        instead = torch.cat([frames[1:2], (frames[:-2] + frames[2:]) / 2, frames[-2:-1]])
        return torch.where(found, instead, frames).movedim(0, axis).contiguous(), count

    def _highest(self, x: Tensor) -> Tensor:
        """The highest reading within ``reach`` in every frame."""
        planes = x if x.ndim == 3 else x[:, None]
        across = 0 if x.ndim == 2 else self.reach
        window = (2 * across + 1, 2 * self.reach + 1)
        return max_pool2d(planes, window, stride=1, padding=(across, self.reach)).reshape(x.shape)

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        counts = 1000 + 10 * torch.sin(torch.arange(72.0)).reshape(6, 12)
        counts[3, 4:6] = 4000
        yield cls(), Item("scan", "scan.h5", counts)
        stack = -counts.reshape(6, 3, 4).movedim(0, 1).contiguous()
        yield cls(5.0, "dark", 1, axis=1, roles=["data", "flats"]), Item("scan", "scan.h5", stack, {"flats": stack})


def _noise(x: Tensor) -> Tensor:
    """σ of each pixel, ``(*detector,)``."""
    change = (x[1:-1] - (x[:-2] + x[2:]) / 2).abs()
    each = 1.4826 * change.median(0).values / 1.5**0.5
    sigma = torch.from_numpy(median_filter(each.numpy(), NEARBY[-each.ndim :]))
    return sigma.clamp_min(max(0.1 * float(sigma.median()), FLOOR * float(x.abs().median())))
