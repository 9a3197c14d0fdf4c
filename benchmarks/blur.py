"""Blurring beside scipy, deepinv and a bare FFT: ``python -m benchmarks.blur``.

Every function is first compared with the same result of ours; the table is refused where they differ.
"""

from __future__ import annotations

from collections.abc import Callable

import scipy.ndimage
import scipy.signal
import torch
from torch import Tensor

from benchmarks.timing import arguments, compare, report
from recon.operators import Blur, gaussian_psf

Functions = dict[str, Callable[[], object]]


def main() -> None:
    """Time A and Aᴴ for small, separable and large PSFs, and batches."""
    given = arguments(__doc__ or "")
    repeats = 5 if given.quick else 15
    generator = torch.Generator().manual_seed(0)
    psfs = {
        "5×5": torch.rand(5, 5, generator=generator),
        "Gaussian 13×13": gaussian_psf(1.5).float().double(),
        "Gaussian 13×13, separable": gaussian_psf(1.5),
        "25×25": torch.rand(25, 25, generator=generator),
    }
    tables: dict[str, tuple[str, dict[str, float]]] = {}
    missing: dict[str, str] = {}
    for batch, size in ((1, 512), (8, 256)):
        x = torch.randn(batch, 1, size, size, generator=generator)
        for label, psf in psfs.items():
            psf = psf / psf.sum()
            for boundary in ("circular", "reflect"):
                A = Blur(psf, (size, size), boundary)
                y = A(x)
                bare = "bare rfft2 · H, irfft2, twice"
                functions: Functions = {
                    bare: _bare(x),
                    f"recon A + Aᴴ ({A.method})": lambda A=A, x=x, y=y: (A(x), A.adjoint(y)),
                }
                try:
                    _deepinv(A, x, y, functions)
                except ImportError as error:
                    missing["deepinv"] = str(error)
                _scipy(A, x, y, functions)
                tables[f"PSF {label}, {boundary}, {batch} × {size}²"] = (bare, compare(functions, repeats))
    report(tables, missing, given.json)


def _agree(name: str, found: Tensor, expected: Tensor) -> None:
    error = float(torch.linalg.vector_norm(found - expected) / torch.linalg.vector_norm(expected))
    if not error < 1e-5:
        raise SystemExit(f"{name} computes something else: relative difference {error:.1e}.")


def _bare(x: Tensor) -> Callable[[], object]:
    transfer = torch.fft.rfft2(x[0, 0])

    def run() -> None:
        for _ in range(2):
            torch.fft.irfft2(torch.fft.rfft2(x) * transfer, s=x.shape[-2:])

    return run


def _deepinv(A: Blur, x: Tensor, y: Tensor, functions: Functions) -> None:
    """Only the circular boundary and odd PSFs mean the same in deepinv, whose ``reflect`` does not repeat the edge."""
    import deepinv

    if A.boundary != "circular":
        return
    psf = A.psf.float()[None, None]
    for physics in (
        deepinv.physics.Blur(filter=psf, padding="circular"),
        deepinv.physics.BlurFFT(img_size=tuple(x.shape[1:]), filter=psf),
    ):
        _agree(f"deepinv {type(physics).__name__}", physics.A(x), y)
        name = f"deepinv {deepinv.__version__} {type(physics).__name__}"
        functions[name] = lambda physics=physics: (physics.A(x), physics.A_adjoint(y))


def _scipy(A: Blur, x: Tensor, y: Tensor, functions: Functions) -> None:
    """Forward only, twice: scipy has no adjoints."""
    mode = {"circular": "wrap", "reflect": "reflect"}[A.boundary]
    psf, images = A.psf.numpy(), x.numpy()[:, 0]
    _agree("scipy.ndimage", torch.from_numpy(scipy.ndimage.convolve(images[0], psf, mode=mode)), y[0, 0])
    functions["scipy.ndimage.convolve, twice"] = lambda: [
        scipy.ndimage.convolve(image, psf, mode=mode) for image in images for _ in range(2)
    ]
    small = psf.astype(images.dtype)
    functions["scipy.signal.fftconvolve (zero edge), twice"] = lambda: [
        scipy.signal.fftconvolve(image, small, mode="same") for image in images for _ in range(2)
    ]


if __name__ == "__main__":
    main()
