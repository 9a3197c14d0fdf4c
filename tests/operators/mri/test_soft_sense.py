"""Several maps a pixel, for objects that are wider than the field of view."""

import pytest
import torch

from recon.operators import (
    CartesianMRI,
    SoftSENSE,
    UniformSampling,
    birdcage_maps,
    centred_fft,
    centred_ifft,
    estimate_coil_maps,
)
from recon.solvers import cg


def folded(coils=8, n=48):
    """Coil images of an object 1.4 fields of view high, folded: (coils, n, n), and how many layers each pixel has."""
    tall = 2 * n
    y, x = torch.meshgrid((torch.arange(tall) - n) / (n / 2), (torch.arange(n) - n // 2) / (n / 2), indexing="ij")
    image = (x.abs() < 0.8) * (y.abs() < 1.4) * (1 + 0.4 * torch.cos(6 * x) * torch.sin(5 * y)).double()
    angles = 2 * torch.pi * torch.arange(coils, dtype=torch.float64) / coils
    z = torch.complex(x.double(), y.double())
    maps = 1 / (2.0 - z * torch.exp(-1j * angles)[:, None, None])
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    weighted = maps * image
    half = n // 2
    layers = [weighted[:, half : half + n], weighted.roll(n, 1)[:, half : half + n]]
    count = sum((layer.abs().sum(0) > 0).long() for layer in layers)
    return sum(layers), count


def test_a_forward_model_written_out():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 6, 5, dtype=torch.complex128, generator=generator)
    x = torch.randn(4, 2, 6, 5, dtype=torch.complex128, generator=generator)
    mask = (torch.rand(6, 5, generator=generator) > 0.4).double()
    A = SoftSENSE(mask, maps)
    expected = torch.stack([mask * centred_fft(maps[0, c] * x[:, 0] + maps[1, c] * x[:, 1]) for c in range(3)], 1)
    torch.testing.assert_close(A(x), expected)
    one = SoftSENSE(mask, maps[:1])
    torch.testing.assert_close(one(x[:, :1]), CartesianMRI(mask, maps[0])(x[:, 0]))
    assert A.norm(1e-6) <= A.norm_bound() * (1 + 1e-6)
    full = SoftSENSE(torch.ones(1), maps)
    assert full.known_norm() == full.norm_bound()


def test_two_maps_explain_a_folded_object_and_one_does_not():
    coil_images, count = folded()
    kspace = centred_fft(coil_images)
    maps = estimate_coil_maps(kspace, calib_width=24, kernel_width=6, crop=0.9, sets=2)
    assert maps.shape == (2, 8, 48, 48)
    gram = torch.einsum("mcyx,kcyx->mkyx", maps.conj(), maps)
    assert float(gram[0, 1].abs().max()) < 1e-6
    one = (maps[0].abs().sum(0) > 0) & (maps[1].abs().sum(0) == 0)
    match = (maps[0].conj() * estimate_coil_maps(kspace, crop=0.9)).sum(0)[one]
    assert float((match - 1).abs().quantile(0.95)) < 1e-2
    twice = count == 2
    misfit = [
        float((torch.einsum("mcp,mdp,dp->cp", S, S.conj(), v) - v).norm() / v.norm())
        for S, v in [(maps[:m][..., twice], coil_images[:, twice]) for m in (2, 1)]
    ]
    assert misfit[0] < 0.02
    assert misfit[1] > 5 * misfit[0]
    mask = UniformSampling(2, 20)((48, 48))
    data = kspace * mask
    errors = []
    for A, shown in [
        (SoftSENSE(mask, maps), lambda x: torch.einsum("mcyx,myx->cyx", maps, x)),
        (CartesianMRI(mask, maps[0]), lambda x: maps[0] * x),
    ]:
        b = A.adjoint(data)
        x, _ = cg(lambda v, A=A: A.normal(v) + 1e-4 * v, b[None], len(A.domain_shape), None, 1e-6, 200)
        error = (shown(x[0]) - centred_ifft(kspace)).norm() / coil_images.norm()
        errors.append(float(error))
    assert errors[0] < 0.05
    assert errors[1] > 4 * errors[0]


def test_wrong_arguments():
    maps = birdcage_maps((6, 5), 3)
    with pytest.raises(ValueError, match=r"SoftSENSE expects coil_maps of shape \(sets, coils, \[nz,\] ny, nx\)"):
        SoftSENSE(torch.ones(1), maps)
    with pytest.raises(TypeError, match="SoftSENSE expects complex coil_maps, got float32"):
        SoftSENSE(torch.ones(1), maps.abs()[None])
    with pytest.raises(ValueError, match="estimate_coil_maps expects sets from 1 to the number of coils, 3, got 4"):
        estimate_coil_maps(torch.ones(3, 32, 32, dtype=torch.complex64), sets=4)
