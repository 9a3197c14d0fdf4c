"""Three reconstructions with total variation for ``benchmarks.optimisation``."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, cos, pi, sin
from typing import Any

import torch
from torch import Tensor

from benchmarks.optimisation_race import forward
from recon.operators import Blur, CartesianMRI, GaussianNoise, ParallelBeam, RayTransform, Volume, gaussian_psf
from recon.phantoms import shepp_logan
from recon.priors import TotalVariation
from recon.solvers import Problem


def leaves(count: int, channels: int, size: int, discs: int, seed: int) -> Tensor:
    """Images of discs of random colours that cover one another, with radii as in photographs; in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = _grid(size)
    images = torch.full((count, channels, size, size), 0.5)
    for image in images:
        for _ in range(discs):
            x, y, scale = torch.rand(3, generator=generator).tolist()
            radius = 0.02 * size / (scale + 0.06)
            inside = (columns - x * size) ** 2 + (rows - y * size) ** 2 < radius**2
            image[:, inside] = torch.rand(channels, 1, generator=generator)
    return images


def deblurring(batch: int = 8, size: int = 512, lam: float = 8e-4) -> Problem:
    """Colour images behind a periodic Gaussian blur of 2 pixels, noise of 0.01."""
    A = Blur(gaussian_psf(2.0), (3, size, size))
    sharp = leaves(batch, 3, size, 150, 0)
    noise = 0.01 * torch.randn(sharp.shape, generator=torch.Generator().manual_seed(1))
    return Problem(A, A(sharp) + noise, GaussianNoise(1.0), lam * TotalVariation(axes=(-2, -1)))


def tomography(size: int = 256, views: int = 60, lam: float = 0.5) -> Problem:
    """A head from few parallel views, on Joseph's model of a ray, noise of 0.5 in line integrals up to about 80."""
    beam = ParallelBeam([pi * view / views for view in range(views)], ceil(1.42 * size))
    data = shepp_logan(0.45 * size).line_integrals(beam)[None].float()
    noise = 0.5 * torch.randn(data.shape, generator=torch.Generator().manual_seed(0))
    A = RayTransform(Volume((size, size)), beam, "joseph")
    return Problem(A, data + noise, GaussianNoise(1.0), lam * TotalVariation())


def parallel_imaging(size: int = 256, coils: int = 8, lam: float = 1e-3) -> Problem:
    """A complex image from about every fourth line of k-space, dense in the middle, in 8 coils, noise of 0.005."""
    rows, columns = (2 * grid / size - 1 for grid in _grid(size))
    angles = [2 * pi * coil / coils for coil in range(coils)]
    maps = torch.stack(
        [
            torch.polar(
                torch.exp(-((columns - 1.2 * cos(a)) ** 2 + (rows - 1.2 * sin(a)) ** 2) / 1.5),
                a + 0.8 * columns * sin(a) + 0.8 * rows * cos(2 * a),
            )
            for a in angles
        ]
    )
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    generator = torch.Generator().manual_seed(0)
    lines = torch.rand(size, generator=generator) < 0.17
    lines[size // 2 - size // 21 : size // 2 + size // 21] = True
    A = CartesianMRI(lines.float(), maps)
    image = torch.polar(leaves(1, 1, size, 60, 3)[0, 0], 0.7 * columns + 0.5 * rows * columns)
    noise = 0.005 * torch.randn(1, coils, size, size, dtype=torch.complex64, generator=generator)
    return Problem(A, A(image[None]) + lines * noise, GaussianNoise(1.0), lam * TotalVariation())


def as_arrays(problem: Problem) -> dict[str, Any]:
    """Data, λ and what A is made of, where it is Fourier transforms."""
    A, data = problem.operator, problem.data
    found: dict[str, Any] = {
        "data": data.to(torch.complex128 if data.is_complex() else torch.float64).numpy(),
        "lam": float(problem.prior.lam),  # type: ignore[union-attr, arg-type]
    }
    if isinstance(A, Blur):
        impulse = torch.zeros(A.sizes, dtype=torch.float64)
        impulse[0, 0] = 1
        found["transfer"] = torch.fft.rfft2(Blur(A.psf, A.sizes, method="fft")(impulse)).numpy()
    elif isinstance(A, CartesianMRI):
        assert A.coil_maps is not None
        found |= {"maps": A.coil_maps.numpy(), "mask": A.mask.numpy()}
    return found


def encoder(problem: Problem, arrays: dict[str, Any]) -> Callable[[Any], Any]:
    """A on arrays, in double precision."""
    if isinstance(problem.operator, RayTransform):
        return lambda x: problem.operator(torch.from_numpy(x)).numpy()
    return forward(arrays)


def _grid(size: int) -> tuple[Tensor, Tensor]:
    """Rows and columns of the pixels of a square."""
    places = torch.arange(size) + 0.5
    rows, columns = torch.meshgrid(places, places, indexing="ij")
    return rows, columns
