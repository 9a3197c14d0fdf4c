"""Projectors of recon and of its peers, brought to one form for ``benchmarks.ct``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators import ConeBeam, FanBeam, Geometry, ParallelBeam, RayTransform, Volume, to_astra, to_odl_geometry


@dataclass
class Peer:
    """A projector and its transpose between tensors (…, *volume) and (…, *geometry), ``items`` of them at a time."""

    name: str
    geometry: Geometry
    forward: Callable[[Tensor], Tensor]
    adjoint: Callable[[Tensor], Tensor]
    items: int = 1
    centred_on_pixels: bool = False
    """Whether the peer's centre of rotation may lie half a pixel off; errors are then the least over such shifts."""
    seconds: dict[tuple[int, str], list[float]] = field(default_factory=dict)


def recon_peers(volume: Volume, geometry: Geometry) -> Iterator[Peer]:
    """Every model that the geometry has, one image and a batch."""
    models: tuple[Any, ...] = ("shear", "joseph", "nufft") if isinstance(geometry, ParallelBeam) else ("joseph",)
    for model in models:
        operator = RayTransform(volume, geometry, model)
        for items in (1, 16) if volume.ndim == 2 else (1,):
            yield Peer(f"recon {model}, batch of {items}", geometry, operator, operator.adjoint, items)


def astra_peers(volume: Volume, geometry: Geometry) -> Iterator[Peer]:
    """ASTRA on the CPU, which has no projectors in space."""
    if volume.ndim == 3:
        return
    import astra

    rays, grid = to_astra(geometry, volume)
    kind = "linear" if isinstance(geometry, ParallelBeam) else "line_fanflat"
    projector = astra.create_projector(kind, rays, grid)
    image, sinogram = astra.data2d.create("-vol", grid), astra.data2d.create("-sino", rays)
    algorithms = []
    for name, target in (("FP", "VolumeDataId"), ("BP", "ReconstructionDataId")):
        settings = astra.astra_dict(name)
        settings.update({"ProjectorId": projector, target: image, "ProjectionDataId": sinogram})
        algorithms.append(astra.algorithm.create(settings))

    def forward(x: Tensor) -> Tensor:
        astra.data2d.store(image, x.numpy())
        astra.algorithm.run(algorithms[0])
        return torch.from_numpy(astra.data2d.get(sinogram))

    def adjoint(y: Tensor) -> Tensor:
        astra.data2d.store(sinogram, y.numpy())
        astra.algorithm.run(algorithms[1])
        return torch.from_numpy(astra.data2d.get(image))

    yield Peer(f"ASTRA CPU, {kind}", geometry, forward, adjoint)


def odl_peers(volume: Volume, geometry: Geometry) -> Iterator[Peer]:
    """ODL with ASTRA on the CPU behind it; its images have the axes (x, y)."""
    if volume.ndim == 3:
        return
    import odl
    from odl.applications.tomo import RayTransform as OdlRayTransform

    size = [n * h / 2 for n, h in zip(volume.shape, volume.spacing, strict=True)]
    space = odl.uniform_discr([-h for h in size[::-1]], size[::-1], volume.shape[::-1], dtype="float32")
    operator = OdlRayTransform(space, to_odl_geometry(geometry), impl="astra_cpu")

    def forward(x: Tensor) -> Tensor:
        return torch.from_numpy(operator(space.element(x.T.contiguous().numpy())).data)

    def adjoint(y: Tensor) -> Tensor:
        return torch.from_numpy(operator.adjoint(operator.range.element(y.numpy())).data.T)

    yield Peer("ODL with ASTRA CPU", geometry, forward, adjoint)


def deepinv_peers(volume: Volume, geometry: Geometry) -> Iterator[Peer]:
    """deepinv's own projector, with both of its adjoints."""
    if not isinstance(geometry, ParallelBeam):
        return
    from deepinv.physics import Tomography

    size = volume.shape[0]
    degrees = torch.tensor(np.rad2deg(geometry.angles), dtype=torch.float32)
    for exact in (False, True):
        physics = Tomography(degrees, size, circle=False, normalize=False, adjoint_via_backprop=exact)
        bins = physics.A(torch.zeros(1, 1, size, size)).shape[-2]

        def forward(x: Tensor, physics: Tomography = physics) -> Tensor:
            return physics.A(x[None, None])[0, 0].T

        def adjoint(y: Tensor, physics: Tomography = physics) -> Tensor:
            return physics.A_adjoint(y.T[None, None])[0, 0]

        name = f"deepinv Tomography, {'autograd' if exact else 'default'} adjoint"
        yield Peer(name, ParallelBeam([-a for a in geometry.angles], bins), forward, adjoint, 1, True)


def skimage_peers(volume: Volume, geometry: Geometry) -> Iterator[Peer]:
    """scikit-image's radon and unfiltered iradon."""
    if not isinstance(geometry, ParallelBeam):
        return
    from skimage.transform import iradon, radon

    size, degrees = volume.shape[0], np.rad2deg(geometry.angles)
    bins = radon(np.zeros((size, size), np.float32), [0.0], circle=False).shape[0]

    def forward(x: Tensor) -> Tensor:
        return torch.from_numpy(radon(x.numpy(), degrees, circle=False).T)

    def adjoint(y: Tensor) -> Tensor:
        image = iradon(y.numpy().T, degrees, output_size=size, filter_name=None, circle=False)
        return torch.from_numpy(image * (2 * len(degrees) / np.pi))

    beam = ParallelBeam([-a for a in geometry.angles], bins)
    yield Peer("scikit-image radon, iradon", beam, forward, adjoint, 1, True)


def naive_peers(volume: Volume, geometry: Geometry) -> Iterator[Peer]:
    """One ray after the other, bilinear in every layer: what one would write first for a cone beam in Numba."""
    if not isinstance(geometry, ConeBeam):
        return
    from benchmarks.naive_cone import backproject, project
    from recon.operators.ct.kernels.rays import ray_table

    rays, spacing = ray_table(volume, geometry).numpy(), tuple(volume.spacing)

    def forward(x: Tensor) -> Tensor:
        out = np.empty((1, *geometry.shape), np.float32)
        project(x[None].numpy(), rays, spacing, out)
        return torch.from_numpy(out[0])

    def adjoint(y: Tensor) -> Tensor:
        out = np.empty((1, *volume.shape), np.float32)
        backproject(y[None].numpy(), rays, spacing, out)
        return torch.from_numpy(out[0])

    yield Peer("naive Joseph in Numba", geometry, forward, adjoint)


FAMILIES = {
    "recon": recon_peers,
    "astra": astra_peers,
    "odl": odl_peers,
    "scikit-image": skimage_peers,
    "deepinv": deepinv_peers,
    "naive": naive_peers,
}


def scans(angles: int) -> dict[str, tuple[Volume, Geometry]]:
    """The scans that are compared, by name."""
    half, turn = ([span * torch.pi * a / angles for a in range(angles)] for span in (1, 2))
    image = Volume((512, 512))
    return {
        "parallel": (image, ParallelBeam(half, 729)),
        "fan": (image, FanBeam(turn, 729, 1000.0, 1500.0, 1.5)),
        "cone": (
            Volume((128, 128, 128)),
            ConeBeam([2 * torch.pi * a / 120 for a in range(120)], 192, 192, 512.0, 768.0, 1.5),
        ),
    }
