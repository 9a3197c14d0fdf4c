"""Principal components of coils."""

import pytest
import torch

from recon.operators.mri.coil_compression import coil_compression, geometric_coil_compression
from recon.operators.mri.fourier import centred_ifft


def random(*shape):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(len(shape)))


def test_the_energy_kept_is_that_of_the_largest_singular_values():
    kspace = random(6, 5, 4)
    matrix = coil_compression(kspace, 3)
    torch.testing.assert_close(matrix @ matrix.mH, torch.eye(3, dtype=torch.complex128))
    values = torch.linalg.svdvals(kspace.flatten(1))
    torch.testing.assert_close(torch.linalg.svdvals(matrix @ kspace.flatten(1)), values[:3])


def test_each_place_keeps_its_largest_singular_values_and_neighbours_are_aligned():
    """Coils that turn along x: unaligned components jump in phase and order, aligned ones move by the turn alone."""
    n0, weights = 32, torch.tensor([1.0, 0.99, 0.1, 0.0], dtype=torch.complex128)
    turn = random(4, 4)
    generator = 0.02 * (turn - turn.mH)
    frames = torch.stack([torch.linalg.matrix_exp(x * generator) for x in range(n0)])
    hybrid = torch.einsum("xcv,v,vs->csx", frames, weights, torch.linalg.qr(random(9, 4)).Q.mT)
    kspace = torch.fft.fftshift(torch.fft.fft(torch.fft.ifftshift(hybrid, dim=-1), norm="ortho"), dim=-1)
    torch.testing.assert_close(centred_ifft(kspace, 1), hybrid)
    matrices = geometric_coil_compression(kspace, 2)
    unit = torch.eye(2, dtype=torch.complex128).expand(n0, 2, 2)
    torch.testing.assert_close(matrices @ matrices.mH, unit)
    kept = torch.linalg.svdvals(matrices @ hybrid.movedim(-1, 0))
    torch.testing.assert_close(kept, weights[:2].real.expand(n0, 2))
    step = torch.linalg.matrix_norm(matrices[1:] - matrices[:-1])
    turned = torch.linalg.matrix_norm(frames[1:, :, :2] - frames[:-1, :, :2])
    assert float((step / turned).max()) <= 1 + 1e-9


def test_what_is_refused():
    with pytest.raises(TypeError, match="coil_compression expects complex k-space"):
        coil_compression(torch.ones(3, 4), 2)
    with pytest.raises(ValueError, match="from 1 to 3 virtual coils, got 4"):
        coil_compression(random(3, 4), 4)
    with pytest.raises(ValueError, match="either a number of coils or a tolerance"):
        geometric_coil_compression(random(3, 4))
