"""Filtered backprojection of fans, and of cones whose source runs on a circle."""

from __future__ import annotations

from itertools import product
from math import asin, ceil, hypot, pi

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.filtered_sum import FilteredSum
from recon.operators.ct.kernels.pixels import PLANE_A, PLANE_C, PLANE_START, PLANE_TURN, SPACE_A, SPACE_C, pixel_table
from recon.operators.ct.ramp import Window, equiangular, ramp_response, window
from recon.operators.ct.redundancy import detector_weights, scan_arc, view_weights
from recon.operators.ct.resample_arc import ArcResampling
from recon.operators.ct.row_filter import Padding, RowFilter
from recon.operators.ct.volume import Volume

FOLD = 2  # points per bin at which filtered views are known
MOST = 4  # filtered views go on for at most so many times their length on either side


class DivergentFBP:
    """x(r) = Σ_β Δβ (D/U)² Σₖ w(β, γₖ) m(k) y(β, k) τ h(u(r) − uₖ), which Feldkamp's method extends to space.

    With S the source, d the ray to a bin, of unit length, D and U the distances of the detector and of the pixel
    r from the source along the detector's normal, m = (−S·d)/D, the product of S and d being taken in the plane of
    rotation, and w the weights of :mod:`~recon.operators.ct.redundancy` that let every line count once. With neither
    source_offset nor axis_offset m is (R/D) cos γ in the plane (Kak and Slaney, Principles of Computerized
    Tomographic Imaging, 1988, section 3.4.2) and (R/D) D/√(D² + u² + v²) in space (Feldkamp, Davis and Kress,
    JOSA A 1, 1984). On an arc U is the distance itself, u the angle, h is stretched by (γ/sin γ)², and
    m = (−S·d)/D². Filtered views are read linearly between two points a bin, and the filter makes up for that.

    In space the result is exact in the plane of the source and for objects that do not change along z;
    elsewhere values fall off with the angle of the cone.
    """

    def __init__(
        self,
        volume: Volume,
        geometry: FanBeam | ConeBeam,
        shape: Window | tuple[float, ...],
        cutoff: float,
        padding: Padding,
    ) -> None:
        self.resampling: ArcResampling | None = None
        if isinstance(geometry, FanBeam) and geometry.detector == "curved" and geometry.source_offset != 0:
            self.resampling = ArcResampling(geometry)
            geometry = self.resampling.target
        self.rows = geometry.shape[1:-1]
        curved = isinstance(geometry, FanBeam) and geometry.detector == "curved"
        pitch = geometry.pitch if isinstance(geometry, FanBeam) else geometry.pitch[1]
        fan, weight = _rays(geometry, curved)
        weights = [weight, self._redundancy(volume, geometry, fan)]
        beyond = bins_beyond(pixel_table(volume, geometry), volume.shape, geometry.shape[-1])
        if curved:
            turn = pitch / geometry.source_to_detector
            beyond = min(beyond, int((pi / 2 - float(fan.abs().max())) / turn))
        at_axis = (turn if curved else pitch / geometry.source_to_detector) * geometry.source_to_axis
        footprint = Footprint(volume, geometry.angles, at_axis)

        def response(length: int) -> Tensor:
            frequency = torch.fft.rfftfreq(length, dtype=torch.float64)
            ramp = ramp_response(length, turn if curved else pitch) * window(shape, 2 * frequency / cutoff)
            if curved:
                ramp = equiangular(ramp, length, turn)
            return footprint(frequency) * ramp / torch.sinc(frequency / FOLD).square()

        filter = RowFilter(geometry.shape[-1], beyond, FOLD, padding, response, *weights)
        table = pixel_table(volume, geometry, beyond, FOLD)
        self.sum = FilteredSum(filter, table, 2.0, volume.shape)

    def apply(self, y: Tensor) -> Tensor:
        return self.sum.apply(y if self.resampling is None else self.resampling.apply(y))

    def transpose(self, x: Tensor) -> Tensor:
        y = self.sum.transpose(x, self.rows)
        return y if self.resampling is None else self.resampling.transpose(y)

    def _redundancy(self, volume: Volume, geometry: FanBeam | ConeBeam, fan: Tensor) -> Tensor:
        """w Δβ, ``(views, 1 …, bins)``."""
        arc, name = scan_arc(geometry.angles), type(geometry).__name__
        side = geometry.source_offset if isinstance(geometry, FanBeam) else geometry.source_offset[1]
        radius = hypot(geometry.source_to_axis, side - geometry.axis_offset)
        seen = asin(min(1.0, object_radius(volume) / radius))
        displaced = detector_weights(fan, arc, seen, f"FilteredBackprojection of this {name}")
        weights = view_weights(arc, fan) if displaced is None else arc.cells[:, None] * displaced
        return weights.reshape(len(weights), *[1] * len(self.rows), -1)


def _rays(geometry: FanBeam | ConeBeam, curved: bool) -> tuple[Tensor, Tensor]:
    """The rays' angles γ from the axis ``(bins,)``, counterclockwise, and m ``(1, *rows, bins)``."""
    frames, distance = geometry.take([0]).frames(), geometry.source_to_detector
    source, (*rows, bins) = frames.points[0, 0, -2:], geometry.shape[1:]
    directions = frames.rays((bins,))[1][0, :, -2:] if curved else None
    if directions is None:
        index = torch.arange(bins, dtype=torch.float64)[:, None]
        directions = frames.directions[0, 0, -2:] + index * frames.directions[0, 1, -2:]
    inward = -(directions @ source)
    turned = directions[:, 0] * -source[1] - directions[:, 1] * -source[0]
    fan = torch.atan2(turned, inward)
    if curved:
        return fan, (inward / distance**2)[None]
    length = directions.square().sum(-1)
    if rows:
        rise = frames.directions[0, 0, 0] + torch.arange(rows[0], dtype=torch.float64) * frames.directions[0, 2, 0]
        length = length + rise[:, None].square()
    return fan, (inward / (distance * length.sqrt()))[None]


def object_radius(volume: Volume) -> float:
    """How far from the axis in mm an object may lie that fills the volume's inscribed circle, but for its rim."""
    (height, width), (dy, dx), (y, x) = volume.shape[-2:], volume.spacing[-2:], volume.offset[-2:]
    return hypot(y, x) + 0.98 * min(height * dy, width * dx) / 2 - max(dy, dx)


class Footprint:
    """The mean over a pixel that is coarser than the bins, as a response ``(1 or views, frequencies)``.

    Where a pixel side Δ exceeds the bins' width τ at the axis, views are averaged over a side √(Δ² − τ²).
    """

    def __init__(self, volume: Volume, angles: tuple[float, ...], pitch: float) -> None:
        theta = torch.tensor(angles, dtype=torch.float64)[:, None]
        wider = [max(0.0, (side / pitch) ** 2 - 1) ** 0.5 for side in volume.spacing[-2:]]
        self.sides = [w * part for w, part in zip(wider, (torch.sin(theta), torch.cos(theta)), strict=True)]
        if not any(wider):
            self.sides = [side[:1] for side in self.sides]

    def __call__(self, frequency: Tensor) -> Tensor:
        along_y, along_x = (torch.sinc(frequency * side) for side in self.sides)
        return along_y * along_x


def bins_beyond(table: Tensor, shape: tuple[int, ...], bins: int) -> int:
    """Bins to add at each end of the detector so that every pixel projects onto it in every view."""
    corners = torch.tensor([(i, j, 1) for i, j in product((0, shape[-2] - 1), (0, shape[-1] - 1))], dtype=torch.float64)
    if len(shape) == 2:
        a, c = table[:, PLANE_A : PLANE_A + 3] @ corners.T, table[:, PLANE_C : PLANE_C + 3] @ corners.T
    else:
        a, c = table[:, SPACE_A + 1 : SPACE_A + 4] @ corners.T, table[:, SPACE_C + 1 : SPACE_C + 4] @ corners.T
    if bool((c <= 0).any()):
        return MOST * bins
    curved = len(shape) == 2 and bool(table[0, PLANE_TURN])
    place = table[:, [PLANE_START]] + torch.atan2(a, c) * table[:, [PLANE_TURN]] if curved else a / c
    reach = max(-float(place.min()), float(place.max()) - (bins - 1))
    return min(max(0, ceil(reach)) + 4, MOST * bins)
