"""Cartesian multi-coil MRI beside a bare FFT and other libraries: ``python -m benchmarks.mri_cartesian``.

Every function is first compared with the same result of ours; the table is refused where they differ.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.timing import arguments, compare, report
from recon.operators import CartesianMRI

BATCH, COILS, SIZE = 8, 8, 256


def main() -> None:
    """Time A and Aᴴ, AᴴA for points and for lines, and one image alone."""
    given = arguments(__doc__ or "")
    repeats = 5 if given.quick else 15
    generator = torch.Generator().manual_seed(0)
    shape = (SIZE, SIZE)
    maps = torch.randn(COILS, *shape, dtype=torch.complex64, generator=generator)
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    lines = torch.zeros(SIZE)
    lines[::4] = 1
    lines[SIZE // 2 - 12 : SIZE // 2 + 12] = 1
    points = (torch.rand(shape, generator=generator) < 0.3).float()
    x = torch.randn(BATCH, *shape, dtype=torch.complex64, generator=generator)
    tables: dict[str, tuple[str, dict[str, float]]] = {}
    missing: dict[str, str] = {}
    for label, mask in (
        ("points", points),
        ("lines across x", lines.expand(shape)),
        ("lines across y", lines[:, None].expand(shape)),
    ):
        A = CartesianMRI(mask, maps)
        y = A(x)
        bare = "bare torch fft2 + ifft2"
        pair: dict[str, Callable[[], object]] = {
            bare: lambda y=y: torch.fft.ifft2(torch.fft.fft2(y, norm="ortho"), norm="ortho"),
            "recon A + Aᴴ": lambda A=A, y=y: (A(x), A.adjoint(y)),
        }
        gram: dict[str, Callable[[], object]] = {bare: pair[bare], "recon AᴴA": lambda A=A: A.normal(x)}
        for add in (_shifted, _deepinv, _sigpy):
            try:
                add(A, mask.contiguous(), maps, x, y, pair, gram)
            except ImportError as error:
                missing[add.__name__.strip("_")] = str(error)
        size = f"{BATCH} images, {COILS} coils, {SIZE}²"
        if label == "points":
            tables[f"A and its adjoint, {size}"] = (bare, compare(pair, repeats))
        tables[f"normal operator, {label}, {size}"] = (bare, compare(gram, repeats))
        if label == "points":
            one, data = x[:1], y[:1]
            tables[f"A and its adjoint, 1 image, {COILS} coils, {SIZE}²"] = (
                bare,
                compare(
                    {
                        bare: lambda data=data: torch.fft.ifft2(torch.fft.fft2(data, norm="ortho"), norm="ortho"),
                        "recon A + Aᴴ": lambda A=A, one=one, data=data: (A(one), A.adjoint(data)),
                        "recon AᴴA": lambda A=A, one=one: A.normal(one),
                    },
                    3 * repeats,
                ),
            )
    report(tables, missing, given.json)


Functions = dict[str, Callable[[], object]]


def _agree(name: str, found: Tensor, expected: Tensor) -> None:
    error = float(torch.linalg.vector_norm(found - expected) / torch.linalg.vector_norm(expected))
    if not error < 1e-5:
        raise SystemExit(f"{name} computes something else: relative difference {error:.1e}.")


def _shifted(
    A: CartesianMRI, mask: Tensor, maps: Tensor, x: Tensor, y: Tensor, pair: Functions, gram: Functions
) -> None:
    dims = (-2, -1)

    def forward(x: Tensor) -> Tensor:
        z = torch.fft.fft2(torch.fft.ifftshift(maps * x[:, None], dims), norm="ortho")
        return mask * torch.fft.fftshift(z, dims)

    def adjoint(y: Tensor) -> Tensor:
        z = torch.fft.ifft2(torch.fft.ifftshift(mask * y, dims), norm="ortho")
        return (maps.conj() * torch.fft.fftshift(z, dims)).sum(1)

    _agree("fftshift", forward(x), y)
    pair["torch, with fftshift"] = lambda: (forward(x), adjoint(y))
    gram["torch, with fftshift"] = lambda: adjoint(forward(x))


def _deepinv(
    A: CartesianMRI, mask: Tensor, maps: Tensor, x: Tensor, y: Tensor, pair: Functions, gram: Functions
) -> None:
    import deepinv

    physics = deepinv.physics.MultiCoilMRI(mask=mask[None, None], coil_maps=maps[None], img_size=(1, 2, *mask.shape))
    real_x = torch.view_as_real(x).movedim(-1, 1).contiguous()
    real_y = torch.view_as_real(y).movedim(-1, 1).contiguous()
    back = physics.A_adjoint(real_y)
    _agree("deepinv", torch.complex(back[:, 0], back[:, 1]), A.adjoint(y))
    name = f"deepinv {deepinv.__version__} MultiCoilMRI"
    pair[name] = lambda: (physics.A(real_x), physics.A_adjoint(real_y))
    gram[name] = lambda: physics.A_adjoint_A(real_x)


def _sigpy(A: CartesianMRI, mask: Tensor, maps: Tensor, x: Tensor, y: Tensor, pair: Functions, gram: Functions) -> None:
    import sigpy
    import sigpy.mri

    sense = sigpy.mri.linop.Sense(maps.numpy(), weights=mask.numpy())
    adjoint, images, data = sense.H, x.numpy(), y.numpy()
    _agree("SigPy", torch.from_numpy(adjoint * data[0]), A.adjoint(y[0]))
    name = f"SigPy {sigpy.__version__} Sense (loop over images)"
    pair[name] = lambda: ([sense * item for item in images], [adjoint * item for item in data])
    gram[name] = lambda: [sense.N * item for item in images]


if __name__ == "__main__":
    main()
