"""The Fourier transform of MRI with zeros about the image where the readout is oversampled."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from recon.operators.mri.fourier import centring_ramps
from recon.operators.operator import Shape


class PaddedFFT:
    """F P and its adjoint along chosen axes: zeros before and after the last axis, then orthonormal transforms.

    Nothing is centred: the ramps p and q, p for the image and q for k-space, do that, as in
    :func:`~recon.operators.mri.fourier.centring_ramps`.

    Parameters
    ----------
    image
        Shape of one image, ([nz,] ny, nx).
    grid
        Shape of its k-space, ([nz,] ny, n0), n0 ≥ nx. Pixel nx//2 is taken to n0//2.
    """

    def __init__(self, image: Shape, grid: Shape) -> None:
        self.image, self.grid = image, grid
        self.padded = image[-1] != grid[-1]
        self.before = grid[-1] // 2 - image[-1] // 2
        self.after = grid[-1] - image[-1] - self.before

    def ramps(self) -> tuple[Tensor, Tensor]:
        """p of the image's shape and q of the grid's."""
        p, q = centring_ramps(self.grid)
        return p.narrow(-1, self.before, self.image[-1]), q

    def forward(self, z: Tensor, dims: tuple[int, ...]) -> Tensor:
        """F P along the axes ``dims``, rising and counted from the end; P only where the last is one of them."""
        if self.padded and -1 in dims:
            z = torch.fft.fftn(z, dim=dims[:-1], norm="ortho") if dims[:-1] else z
            z, dims = pad(z, (self.before, self.after)), (-1,)
        spectrum: Tensor = torch.fft.fftn(z, dim=dims, norm="ortho") if dims else z
        return spectrum

    def adjoint(self, z: Tensor, dims: tuple[int, ...]) -> Tensor:
        """Pᴴ Fᴴ along the axes ``dims``."""
        if self.padded and -1 in dims:
            z = torch.fft.ifft(z, norm="ortho").narrow(-1, self.before, self.image[-1])
            dims = dims[:-1]
        images: Tensor = torch.fft.ifftn(z, dim=dims, norm="ortho") if dims else z
        return images
