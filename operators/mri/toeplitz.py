"""AᴴWA of non-Cartesian MRI by fast Fourier transforms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from itertools import product
from math import pi, prod

import torch
from torch import Tensor

from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import LinearOperator
from recon.operators.mri.coil_sums import add_coils, coil_blocks
from recon.operators.mri.kernels.nufft import nufft_plans
from recon.operators.mri.nufft import as_trajectory
from recon.operators.mri.scan_entries import scan_entries
from recon.operators.mri.stacked_planes import on_grid
from recon.operators.mri.trajectory import Trajectory
from recon.operators.operator import Shape
from recon.operators.tensors import fixed


class ToeplitzGram(LinearOperator):
    """AᴴWA x = Σ_c S̄_c ⊙ (K ∗ (S_c ⊙ x)), A the non-Cartesian MRI operator and W a weight of each sample.

    ``(*batch, [frames or slices,] [nz,] ny, nx)`` to itself, Hermitian and positive semidefinite. The kernel

        K[m] = N^{−1} Σ_k w(k) exp(2πi k·m),    |m_d| < N_d,

    is built in double precision. The convolution is exact: with r_q[n] = exp(−πi q·n/N) and T_q = K̂[2f + q]/2^ndim,
    K̂ the discrete Fourier transform of K on twice the pixels,

        K ∗ x = Σ_q r̄_q ⊙ F⁻¹ (T_q ⊙ F (r_q ⊙ x)),    q ∈ {0, 1}^ndim,

    with transforms of the image's own size, axis after axis: those of one axis are shared by all q that agree on it
    and on the axes before. Axes on whose grid all points lie need q = 0 alone.

    Parameters
    ----------
    trajectory
        Where samples are taken; its points are taken as constants.
    coil_maps
        S, complex, ``(coils, [nz,] ny, nx)``, or one such for each slice; None for a single coil of sensitivity 1.
    shape
        Shape of one image; by default that of the maps.
    density
        w, real and nonnegative, ``([frames,] shots, samples)``; 1 by default.
    frames
        Number of frames of a series, each of which has its share of the trajectory's shots, in their order.

    Errors: ValueError or TypeError where trajectory, maps, shape, density and frames do not fit.

    Source: J. A. Fessler et al., IEEE Trans. Signal Process. 53 (2005) 3393.
    """

    names = ("toeplitz_gram",)

    def __init__(
        self,
        trajectory: Trajectory | Tensor,
        coil_maps: Tensor | None = None,
        shape: Sequence[int] | None = None,
        density: Tensor | None = None,
        frames: int | None = None,
    ) -> None:
        known = as_trajectory(trajectory, "ToeplitzGram")
        entries = scan_entries(known, coil_maps, shape, frames, "ToeplitzGram")
        domain = (*entries.stack, *entries.image)
        super().__init__(domain, domain)
        self.domain_field = self.range_field = "complex"
        self.coil_maps, self._image, self._sliced = entries.coil_maps, entries.image, entries.sliced
        self._entries = entries.stack[0] if entries.stack else 1
        self.dims = tuple(range(-len(entries.image), 0))
        points = [part.points.detach().cpu() for part in entries.trajectories]
        stacked = points[0].shape[1:] if frames is None else (len(points), *points[0].shape[1:])
        weights = checked_density(density, tuple(stacked), "ToeplitzGram").reshape(len(points), 1, -1)
        doubled = [not all(on_grid(part[axis], n) for part in points) for axis, n in enumerate(entries.image)]
        spectra = [_spectra(part, entries.image, w, doubled) for part, w in zip(points, weights, strict=True)]
        self._kernel = _innermost_last(torch.stack([kernel for kernel, _ in spectra]), doubled)
        self._circulant = torch.stack([near for _, near in spectra]).mean(0)
        self._plain = tuple(axis for axis, double in zip(self.dims, doubled, strict=True) if not double)
        self._doubled = tuple(axis for axis, double in zip(self.dims, doubled, strict=True) if double)
        self._ramps = _ramps(entries.image)

    def apply(self, x: Tensor) -> Tensor:
        items = x.reshape(-1, self._entries, *self._image)
        out = torch.zeros_like(items, memory_format=torch.contiguous_format)
        for entry in range(self._entries):
            self._convolve(items[:, entry], entry, out[:, entry])
        return out.reshape(x.shape)

    def _convolve(self, items: Tensor, entry: int, out: Tensor) -> None:
        kernel = self.constant("_kernel", items)[entry % len(self._kernel)]
        kernel = kernel.unflatten(0, (2,) * len(self._doubled)) if self._doubled else kernel[0]
        if self.coil_maps is None:
            out += self._filtered(items, kernel)
            return
        maps = self._maps("coil_maps", items, entry)
        conjugate_maps = self._maps("_conjugate_maps", items, entry)
        for batch, coils in coil_blocks(items, len(maps)):
            add_coils(out[batch], self._filtered(maps[coils] * items[batch, None], kernel), conjugate_maps[coils])

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.apply(y)

    def phases(self) -> tuple[Tensor, Tensor]:
        """T_q of each trajectory, ``(trajectories, 2^doubled, *shape)``, and r_q, ``(2^doubled, *shape)``."""
        doubled = [axis in self._doubled for axis in self.dims]
        parts = self._ramps.split(self._image)
        ramps = []
        for phase in _phases(doubled):
            axes = [part if q else torch.ones_like(part) for q, part in zip(phase, parts, strict=True)]
            ramps.append(reduce(lambda a, b: a[..., None] * b, axes))
        return self._kernel * prod(self._image), torch.stack(ramps)

    def _maps(self, key: str, like: Tensor, entry: int) -> Tensor:
        maps = self.constant(key, like)
        return maps[entry] if self._sliced else maps

    def _filtered(self, x: Tensor, kernel: Tensor) -> Tensor:
        """K ∗ x."""
        levels = self._levels(x)
        if not self._plain:
            return _halves(x, kernel, levels)
        z = torch.fft.fftn(x, dim=self._plain)
        image: Tensor = torch.fft.ifftn(_halves(z, kernel, levels), dim=self._plain, norm="forward")
        return image

    def _levels(self, like: Tensor) -> list[tuple[int, Tensor, Tensor]]:
        """The axes that are doubled, outermost first, with r_1 and its conjugate along each."""
        ramps = self.constant("_ramps", like).split(self._image)
        return [
            (axis, ramp := ramps[axis].reshape(-1, *(1,) * (-1 - axis)), ramp.conj().resolve_conj())
            for axis in reversed(self._doubled)
        ]

    @cached_property
    def _conjugate_maps(self) -> Tensor:
        assert self.coil_maps is not None
        return self.coil_maps.conj().resolve_conj()

    def convolution(self) -> GramSpectrum:
        """The periodic convolution nearest to K, times the mean of Σ_c |S_c|².

        Source: T. F. Chan, SIAM J. Sci. Stat. Comput. 9 (1988) 766.
        """
        energy = 1.0
        if self.coil_maps is not None:
            energy = float(self.coil_maps.abs().double().square().sum(-1 - len(self._image)).mean())
        stacked = len(self.domain_shape) - len(self._image)
        return GramSpectrum((self._circulant * energy)[(None,) * stacked], False)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        scattered = Trajectory(torch.rand(2, 3, 11, dtype=torch.float64, generator=generator) - 0.5)
        maps = torch.randn(3, 5, 6, dtype=torch.complex64, generator=generator)
        yield cls(scattered, shape=(4, 7))
        yield cls(scattered, maps, density=torch.rand(3, 11, generator=generator))
        yield cls(Trajectory.stack_of_stars(3, 5, 4), shape=(4, 3, 5))
        yield cls(scattered, maps, density=torch.rand(3, 1, 11, generator=generator), frames=3)
        yield cls(scattered, torch.randn(2, 3, 4, 3, dtype=torch.complex64, generator=generator))


def checked_density(density: Tensor | None, shape: Shape, owner: str) -> Tensor:
    """Weights in double precision, ``([frames,] shots, samples)``."""
    if density is None:
        return torch.ones(shape, dtype=torch.float64)
    weights = fixed(density, owner, "density")
    got = None
    if tuple(weights.shape) != shape:
        got = f"shape {tuple(weights.shape)}"
    elif weights.is_complex():
        got = "complex ones"
    elif bool((weights < 0).any()):
        got = f"{float(weights.min()):g}"
    if got is not None:
        raise ValueError(
            f"{owner} expects density to be nonnegative numbers of shape {shape}, one for each sample, got {got}."
        )
    return weights.double().cpu()


def _spectra(points: Tensor, image: Sequence[int], weights: Tensor, doubled: Sequence[bool]) -> tuple[Tensor, Tensor]:
    """T_q/N, ``(2^doubled, *image)``, and the spectrum of the periodic convolution nearest to K."""
    sizes = [n * (1 + double) for n, double in zip(image, doubled, strict=True)]
    plans = nufft_plans(sizes, points, None)
    kernel = plans.adjoint(weights.to(torch.complex128).reshape(1, -1))[0] / prod(image)
    near = kernel
    for axis, (n, double) in enumerate(zip(image, doubled, strict=True)):
        if double:
            kernel.select(axis, 0).zero_()  # m = −N, which no pair of pixels is apart
            share = (torch.arange(n, dtype=torch.float64) / n).reshape(-1, *(1,) * (len(image) - 1 - axis))
            near = (1 - share) * near.narrow(axis, n, n) + share * near.narrow(axis, 0, n)
        else:
            near = torch.fft.ifftshift(near, axis)
    spectrum = torch.fft.fftn(torch.fft.ifftshift(kernel)).real / prod(sizes)
    steps = [2 if double else 1 for double in doubled]
    parts = [
        spectrum[tuple(slice(q, None, s) for q, s in zip(phase, steps, strict=True))] for phase in _phases(doubled)
    ]
    return torch.stack(parts), torch.fft.fftn(near).real.clamp(min=0)


def _halves(x: Tensor, kernel: Tensor, levels: Sequence[tuple[int, Tensor, Tensor]]) -> Tensor:
    """Convolve along the axes of ``levels`` with ``kernel`` (2, ..., *image), T_q of those axes; x may be changed."""
    if not levels:
        return x.mul_(kernel)
    (axis, ramp, conjugate), *rest = levels
    halves: list[Tensor] = [
        torch.fft.ifft(_halves(torch.fft.fft(part, dim=axis), spectrum, rest), dim=axis, norm="forward")
        for part, spectrum in ((x, kernel[0]), (x * ramp, kernel[1]))
    ]
    return halves[0].addcmul_(halves[1], conjugate)


def _ramps(image: Sequence[int]) -> Tensor:
    """exp(−πi n/N) along each axis, one axis after the other."""
    angles = torch.cat([torch.arange(n, dtype=torch.float64) * (pi / n) for n in image])
    return torch.polar(torch.ones_like(angles), -angles)


def _phases(doubled: Sequence[bool]) -> list[tuple[int, ...]]:
    """All q, the last axis slowest."""
    return [phase[::-1] for phase in product(*((0, 1) if double else (0,) for double in reversed(doubled)))]


def _innermost_last(kernel: Tensor, doubled: Sequence[bool]) -> Tensor:
    """``kernel`` in the order in memory in which transforms along one axis after the other leave the spectrum."""
    first = kernel.ndim - len(doubled)
    plain = [first + axis for axis, double in enumerate(doubled) if not double]
    order = [*range(first), *plain, *(first + axis for axis in reversed(range(len(doubled))) if doubled[axis])]
    return kernel.permute(order).contiguous().permute([order.index(axis) for axis in range(kernel.ndim)])
