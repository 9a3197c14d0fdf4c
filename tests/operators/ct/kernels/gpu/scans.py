"""Small scans of every kind, and what kernels for GPUs are given of them."""

import math
from typing import NamedTuple

import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, VectorBeam, Volume
from recon.operators.ct.kernels.pixels import pixel_table, pixels_backproject, pixels_project
from recon.operators.ct.kernels.rays import ray_table, rays_backproject, rays_project

TURN = [math.pi / 4, 1.3, 3.9]
PLANE = Volume((9, 8), (1.0, 1.2), (0.4, -1.1))
FLAT = FanBeam(TURN, 21, 25.0, 40.0, 1.2, offset=0.7, source_offset=-1.1, axis_offset=0.4)
_flat = VectorBeam.of(FLAT)
RAYS_IN_A_PLANE = {
    "parallel": (PLANE, ParallelBeam([0.0, math.pi / 4, math.pi / 2, 2.0], 21, 0.9, 0.3)),
    "fine parallel": (PLANE, ParallelBeam(TURN[:2], 60, 0.11, -0.4)),
    "coarse parallel": (PLANE, ParallelBeam(TURN, 5, 4.3)),
    "flat fan": (PLANE, FLAT),
    "flat fan of many bins": (PLANE, FanBeam(TURN[:2], 150, 25.0, 40.0, 0.2)),
    "curved fan": (
        PLANE,
        FanBeam(TURN, 21, 25.0, 40.0, 1.6, detector="curved", offset=-1.3, source_offset=0.6, axis_offset=0.2),
    ),
    "short scan": (PLANE, FanBeam([0.0, 0.9, 2.1, math.pi + 0.6], 19, 25.0, 40.0, 1.4)),
    "near fan": (PLANE, FanBeam(TURN[1:], 24, 7.9, 13.0, 1.8)),
    "near curved fan": (PLANE, FanBeam(TURN[1:], 24, 7.9, 13.0, 1.3, detector="curved", source_offset=0.4)),
    "far fan": (PLANE, FanBeam(TURN[1:], 21, 1e7, 2e7, 1.4)),
    "far beside": (PLANE, FanBeam(TURN[:2], 20, 25.0, 40.0, offset=1e15)),
    "mirrored fan": (PLANE, VectorBeam(_flat.detectors, [(-a, -b) for a, b in _flat.u], 21, _flat.sources)),
    "skew rays": (
        PLANE,
        VectorBeam([(9.0, 3.0), (-4.0, 9.0)], [(0.8, 1.0), (1.3, -0.4)], 21, directions=[(3, 1), (-1, 5)]),
    ),
    "one row": (Volume((1, 12)), ParallelBeam([*TURN, 0.0], 15)),
    "one column": (Volume((12, 1)), FLAT),
}

SPACE = Volume((5, 4, 6), (1.1, 0.8, 0.9), (0.2, 0.3, -0.4))
HELIX = ConeBeam(
    [0.4, 5 * math.pi / 4], 6, 13, 20.0, 30.0, (1.4, 1.0), (0.4, -0.3), (0.2, 0.5), axis_offset=0.3, helical_pitch=1.5
)
_helix = VectorBeam.of(HELIX)
TILTED = VectorBeam(
    _helix.detectors,
    _helix.u,
    _helix.bins,
    _helix.sources,
    v=[(z, y + 0.2, x - 0.15) for z, y, x in _helix.v],
    rows=_helix.rows,
)
STEEP = VectorBeam([(20.0, 1.0, 2.0)], [(0.1, 0.2, 1.2)], 9, sources=[(-30.0, 2.0, -1.0)], v=[(0.2, 1.3, 0.1)], rows=8)
DIAGONAL = VectorBeam(
    [(9.0, 9.0, 9.0), (9.0, -9.0, 9.0)],
    [(-0.7, 0.1, 0.7), (0.8, 0.8, 0.1)],
    13,
    directions=[(1.1, 0.8, 0.9), (1.0, -1.0, 1.0)],
    v=[(0.5, -1.0, 0.5), (-0.2, 0.3, 0.9)],
    rows=12,
)
RAYS_IN_SPACE = {
    "parallel": (SPACE, ParallelBeam3D(TURN[:2], 5, 13, (1.2, 0.9), (0.3, -0.2))),
    "circle": (SPACE, ConeBeam([math.pi / 2, 1.3], 4, 11, 20.0, 30.0, (1.6, 1.1), (0.4, -0.3), (0.2, 0.5))),
    "helix": (SPACE, HELIX),
    "near cone": (SPACE, ConeBeam([0.5], 5, 12, 5.0, 8.0, (1.7, 1.4))),
    "many bins": (SPACE, ConeBeam([2.5], 3, 40, 20.0, 30.0, (2.0, 0.4))),
    "tilted": (SPACE, TILTED),
    "steep": (SPACE, STEEP),
    "diagonal": (SPACE, DIAGONAL),
    "one plane": (Volume((1, 6, 7)), ConeBeam([0.5], 3, 12, 20.0, 30.0, (0.8, 1.1))),
}

CENTRED = {"source_to_axis": 25.0, "source_to_detector": 40.0, "axis_offset": 0.3}
PIXELS_IN_A_PLANE = {
    "parallel": (PLANE, ParallelBeam([0.0, *TURN[:2]], 11, 1.3, 0.4), 0.0),
    "flat fan": (PLANE, FanBeam(TURN, 15, pitch=1.5, offset=0.7, source_offset=-0.5, **CENTRED), 2.0),
    "many coarse bins": (Volume((7, 20)), FanBeam(TURN[:1], 70, pitch=2.5, offset=3.0, **CENTRED), 1.0),
    "curved fan": (PLANE, FanBeam(TURN, 15, pitch=1.5, offset=-0.6, detector="curved", **CENTRED), 2.0),
    "curved fan, odd power": (PLANE, FanBeam(TURN[:2], 9, pitch=3.0, detector="curved", **CENTRED), 1.5),
    "near fan": (PLANE, FanBeam(TURN[1:], 24, 7.9, 13.0, 1.8), 2.0),
    "near curved fan": (PLANE, FanBeam(TURN[2:], 24, 7.9, 13.0, 1.3, detector="curved"), 2.0),
    "source inside": (Volume((3, 21)), FanBeam([math.pi / 2, 0.3], 5, 4.2, 9.0), 1.0),
}
PIXELS_IN_SPACE = {
    "parallel": (SPACE, ParallelBeam3D(TURN[:2], 5, 11, (0.9, 1.3), (0.2, 0.4)), 0.0),
    "circle": (SPACE, ConeBeam([math.pi / 2, 1.3], 4, 11, 20.0, 30.0, (1.6, 1.1), (0.4, -0.3), (0.2, 0.5)), 2.0),
    "helix": (SPACE, HELIX, 1.0),
    "near cone": (SPACE, ConeBeam([0.5], 5, 12, 5.0, 8.0, (1.7, 1.4)), 2.0),
    "tilted": (SPACE, TILTED, 2.0),
    "steep": (SPACE, STEEP, 2.0),
    "one plane": (Volume((1, 6, 7)), ConeBeam([0.5], 3, 12, 20.0, 30.0, (0.8, 1.1)), 2.0),
}


class Case(NamedTuple):
    """What both kernels of a pair are called with, but for the items."""

    kind: str
    table: torch.Tensor
    constant: object
    shape: tuple[int, ...]
    detector: tuple[int, ...]

    @property
    def views(self):
        return (len(self.table), *self.detector)

    def on_cpu(self, way, items):
        if self.kind == "rays":
            function = rays_project if way == "project" else rays_backproject
        else:
            function = pixels_project if way == "project" else pixels_backproject
        return function(items, self.table, self.constant, self.detector if way == "project" else self.shape)

    def data(self, dtype, items):
        """Images and views with these numbers, the even ones Gaussian and the odd ones positive."""
        made = []
        for shape in (self.shape, self.views):
            data = torch.empty(len(items), *shape, dtype=torch.float64)
            for n, item in zip(items, data, strict=True):
                item.normal_(generator=torch.Generator().manual_seed(n))
                if n % 2:
                    item.abs_()
            made.append(data.to(dtype))
        return tuple(made)


def centre(item):
    """The index of the middle element."""
    return tuple(n // 2 for n in item.shape)


def _cases():
    for where, scans in (("plane", RAYS_IN_A_PLANE), ("space", RAYS_IN_SPACE)):
        for name, (volume, geometry) in scans.items():
            table = ray_table(volume, geometry)
            yield f"rays in {where}: {name}", Case("rays", table, volume.spacing, volume.shape, geometry.shape[1:])
    for where, scans in (("plane", PIXELS_IN_A_PLANE), ("space", PIXELS_IN_SPACE)):
        for name, (volume, geometry, power) in scans.items():
            fold, beyond = (2, 1) if name in ("parallel", "curved fan", "circle") else (1, 0)
            table = pixel_table(volume, geometry, beyond, fold)
            detector = (*geometry.shape[1:-1], fold * (geometry.shape[-1] + 2 * beyond))
            yield f"pixels in {where}: {name}", Case("pixels", table, power, volume.shape, detector)


CASES = dict(_cases())
USUAL = ["rays in plane: flat fan", "rays in space: circle", "pixels in plane: curved fan", "pixels in space: circle"]
LONG = [
    "rays in plane: coarse parallel",
    "rays in plane: mirrored fan",
    "rays in plane: short scan",
    "rays in space: helix",
    "rays in space: many bins",
    "pixels in plane: near curved fan",
    "pixels in space: helix",
    "pixels in space: near cone",
]
"""Cases beside which shorter ones are much the same."""
