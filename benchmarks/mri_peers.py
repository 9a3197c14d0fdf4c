"""Other libraries of MRI, brought to one form for ``benchmarks.mri``.

A peer offers what it can of ``pair`` (A and Aᴴ), ``normal`` (AᴴA), ``sense`` (CG-SENSE of Cartesian data), ``nufft``,
``radial`` (CG-SENSE of radial data from nothing prepared) and ``espirit``, each as candidates for one scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi, prod
from typing import Any

import torch
from torch import Tensor

from benchmarks.mri_scans import ITERATIONS, LAM, Candidate, CartesianScan, RadialScan
from benchmarks.mri_sigpy import SigPy


class Shifted:
    """What one writes first in torch: maps, shifted transforms, mask."""

    devices = ("cpu", "cuda")
    name = "torch, with fftshift"

    def pair(self, scan: CartesianScan) -> Iterator[Candidate]:
        yield Candidate(self.name, lambda: (self._forward(scan, scan.images), self._adjoint(scan, scan.data)), list)

    def normal(self, scan: CartesianScan) -> Iterator[Candidate]:
        yield Candidate(self.name, lambda: self._adjoint(scan, self._forward(scan, scan.images)))

    def _forward(self, scan: CartesianScan, x: Tensor) -> Tensor:
        dims = (-2, -1)
        z = torch.fft.fft2(torch.fft.ifftshift(scan.maps * x[:, None], dims), norm="ortho")
        return scan.mask * torch.fft.fftshift(z, dims)

    def _adjoint(self, scan: CartesianScan, y: Tensor) -> Tensor:
        dims = (-2, -1)
        z = torch.fft.ifft2(torch.fft.ifftshift(scan.mask * y, dims), norm="ortho")
        return (scan.maps.conj() * torch.fft.fftshift(z, dims)).sum(1)


class Deepinv:
    """Two real channels stand for complex numbers; its images are kept in that form between calls."""

    devices = ("cpu", "cuda")

    def __init__(self) -> None:
        import deepinv

        self.lib, self.name = deepinv, f"deepinv {deepinv.__version__} MultiCoilMRI"

    def pair(self, scan: CartesianScan) -> Iterator[Candidate]:
        physics, x, y = self._physics(scan), _channels(scan.images), _channels(scan.data)
        yield Candidate(self.name, lambda: (physics.A(x), physics.A_adjoint(y)), lambda found: map(_complex, found))

    def normal(self, scan: CartesianScan) -> Iterator[Candidate]:
        physics, x = self._physics(scan), _channels(scan.images)
        yield Candidate(self.name, lambda: physics.A_adjoint_A(x), lambda found: [_complex(found)])

    def sense(self, scan: CartesianScan) -> Iterator[Candidate]:
        from deepinv.optim.linear import conjugate_gradient

        physics, y = self._physics(scan), _channels(scan.data)

        def run() -> Any:
            return conjugate_gradient(
                lambda x: physics.A_adjoint_A(x) + LAM * x, physics.A_adjoint(y), max_iter=ITERATIONS, tol=0.0
            )

        yield Candidate(f"{self.name}, conjugate_gradient", run, lambda found: [_complex(found)])

    def _physics(self, scan: CartesianScan) -> Any:
        size = (1, 2, *scan.mask.shape)
        return self.lib.physics.MultiCoilMRI(
            mask=scan.mask[None, None], coil_maps=scan.maps[None], img_size=size, device=scan.mask.device
        )


class MRpro:
    """Images (batch, coil, z, y, x)."""

    devices = ("cpu", "cuda")

    def __init__(self) -> None:
        from importlib.metadata import version

        import mrpro

        self.lib, self.name = mrpro, f"mrpro {version('mrpro')}"

    def pair(self, scan: CartesianScan) -> Iterator[Candidate]:
        A = self._sampling(scan) @ self._fourier(scan)
        adjoint, x, y = A.H, scan.images[:, None, None], scan.data[:, :, None]
        yield Candidate(
            f"{self.name} mask @ FFT @ maps",
            lambda: (A(x)[0], adjoint(y)[0]),
            lambda found: [found[0][:, :, 0], found[1][:, 0, 0]],
        )

    def normal(self, scan: CartesianScan) -> Iterator[Candidate]:
        gram, x = self._gram(scan), scan.images[:, None, None]
        yield Candidate(f"{self.name} Fᴴ mask F and maps", lambda: gram(x)[0], lambda found: [found[:, 0, 0]])

    def sense(self, scan: CartesianScan) -> Iterator[Candidate]:
        ops, y = self.lib.operators, scan.data[:1, :, None]
        A = self._sampling(scan) @ self._fourier(scan)
        M = self._gram(scan) + LAM * ops.IdentityOp()
        yield Candidate(f"{self.name} cg", lambda: self._cg(M, *A.H(y)), lambda found: [found[0, 0, 0]])

    def nufft(self, scan: RadialScan) -> Iterator[Candidate]:
        F = self._radial_fourier(scan)
        x, y = scan.images[None, :, None], scan.samples[None, :, None]
        yield Candidate(
            f"{self.name} FourierOp",
            lambda: (F(x)[0], F.adjoint(y)[0]),
            lambda found: [found[0][0, :, 0], found[1][0, :, 0]],
        )

    def radial(self, scan: RadialScan) -> Iterator[Candidate]:
        ops = self.lib.operators

        def run() -> Any:
            F, S = self._radial_fourier(scan), ops.SensitivityOp(scan.maps[None, :, None])
            M = S.H @ F.gram @ S + LAM * ops.IdentityOp()
            return self._cg(M, *S.H(*F.H(scan.data[None, :, None])))

        yield Candidate(f"{self.name} FourierOp.gram, cg", run, lambda found: [found[0, 0, 0]])

    def _cg(self, M: Any, b: Tensor) -> Tensor:
        from mrpro.algorithms.optimizers import cg

        found: Tensor = cg(M, b, max_iterations=ITERATIONS, tolerance=0.0)[0]
        return found

    def _sampling(self, scan: CartesianScan) -> Any:
        from mrpro.operators.CartesianSamplingOp import CartesianMaskingOp

        return CartesianMaskingOp(scan.mask)

    def _fourier(self, scan: CartesianScan) -> Any:
        ops = self.lib.operators
        return ops.FastFourierOp(dim=(-2, -1)) @ ops.SensitivityOp(scan.maps[None, :, None])

    def _gram(self, scan: CartesianScan) -> Any:
        F = self._fourier(scan)
        return F.H @ self._sampling(scan) @ F

    def _radial_fourier(self, scan: RadialScan) -> Any:
        size = self.lib.data.SpatialDimension(1, *scan.shape)
        points = torch.stack([row * n for row, n in zip(scan.trajectory.points, scan.shape, strict=True)])
        ky, kx = (row.float()[None, None, None].to(scan.maps.device) for row in points)
        trajectory = self.lib.data.KTrajectory(kz=torch.zeros_like(ky[..., :1, :1]), ky=ky, kx=kx)
        return self.lib.operators.FourierOp(recon_matrix=size, encoding_matrix=size, traj=trajectory)


class MriNufft:
    """Its finufft plans, at equal eps."""

    devices = ("cpu",)

    def __init__(self) -> None:
        from importlib.metadata import version

        import mrinufft

        self.lib, self.name = mrinufft, f"mri-nufft {version('mri-nufft')} finufft"

    def nufft(self, scan: RadialScan) -> Iterator[Candidate]:
        points = scan.trajectory.points.movedim(0, -1).reshape(-1, 2).float().numpy()
        coils, shape = len(scan.images), scan.shape
        F = self.lib.get_operator("finufft")(points, shape, n_coils=coils, n_trans=coils, eps=scan.eps)
        images, samples = scan.images.numpy(), scan.samples.reshape(coils, -1).numpy()
        factor = float(F.norm_factor) / prod(shape) ** 0.5

        def read(found: Sequence[Any]) -> list[Tensor]:
            return [
                factor * torch.from_numpy(found[0]).reshape(scan.samples.shape),
                factor * torch.from_numpy(found[1]).reshape(scan.images.shape),
            ]

        yield Candidate(self.name, lambda: (F.op(images), F.adj_op(samples)), read)


class TorchKbNufft:
    """Its table interpolation, with the default kernel."""

    devices = ("cpu", "cuda")

    def __init__(self) -> None:
        import torchkbnufft

        self.lib, self.name = torchkbnufft, f"torchkbnufft {torchkbnufft.__version__}"

    def nufft(self, scan: RadialScan) -> Iterator[Candidate]:
        omega = (2 * pi * scan.trajectory.points.reshape(2, -1)).float().to(scan.images.device)
        x, y = scan.images[None], scan.samples.reshape(1, len(scan.images), -1)
        forward, adjoint = (
            kind(im_size=scan.shape).to(scan.images.device) for kind in (self.lib.KbNufft, self.lib.KbNufftAdjoint)
        )
        scale = prod(scan.shape) ** -0.5
        yield Candidate(
            f"{self.name} KbNufft",
            lambda: (forward(x, omega), adjoint(y, omega)),
            lambda found: [scale * found[0].reshape(scan.samples.shape), scale * found[1][0]],
        )


PEERS = {
    "torch": Shifted,
    "deepinv": Deepinv,
    "SigPy": SigPy,
    "mrpro": MRpro,
    "mri-nufft": MriNufft,
    "torchkbnufft": TorchKbNufft,
}


def _channels(x: Tensor) -> Tensor:
    return torch.view_as_real(x).movedim(-1, 1).contiguous()


def _complex(x: Tensor) -> Tensor:
    return torch.complex(x[:, 0], x[:, 1])
