"""Image and maps as unknowns alike."""

import pytest
import torch

from recon.operators import CartesianMRI, JointSENSE, UniformSampling, birdcage_maps, centred_fft, centred_ifft
from recon.solvers import GaussNewton, MaxIter, Problem


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def test_a_forward_model_written_out():
    mask = (torch.rand(6, 5, generator=torch.Generator().manual_seed(0)) > 0.3).double()
    A = JointSENSE(mask, 2, (6, 5), smoothness=3.0, order=4.0)
    u = random(3, 6, 5)
    for j in range(2):
        spectrum = u[1 + j].clone()
        for a in range(6):
            for b in range(5):
                spectrum[a, b] *= (1 + 3.0 * (((a - 3) / 6) ** 2 + ((b - 2) / 5) ** 2)) ** -2
        torch.testing.assert_close(A(u)[j], mask * centred_fft(u[0] * centred_ifft(spectrum)))


def test_the_operator_is_bilinear_and_its_parts_are_those_of_sense():
    A = JointSENSE(torch.ones(1), 3, (6, 5), 2.0, 2.0)
    u, v = random(4, 6, 5), random(4, 6, 5, seed=1)
    torch.testing.assert_close(A(u + v), A(u) + A.jvp(u, v) + A(v))
    torch.testing.assert_close(CartesianMRI(torch.ones(1), A.coil_maps(u))(A.image(u)), A(u))
    power = A.coil_maps(u).abs().square().sum(0)
    torch.testing.assert_close(power, torch.ones_like(power))


def test_maps_on_finer_pixels_are_those_of_the_same_waves():
    A = JointSENSE(torch.ones(1), 2, (6, 5), smoothness=(3.0, 2.0), order=4.0)
    u = random(3, 6, 5)
    finer = A.coil_maps(u, (12, 15))
    torch.testing.assert_close(finer[:, ::2, 1::3], A.coil_maps(u))  # the middle of 5 is 2, that of 15 is 7
    torch.testing.assert_close(A.coil_maps(u, (6, 5)), A.coil_maps(u))
    weights = [(1 + 3 * (a / 6) ** 2 + 2 * (b / 5) ** 2) ** -2 for a in range(-3, 3) for b in range(-2, 3)]
    torch.testing.assert_close(A.weights, torch.tensor(weights, dtype=torch.float64).reshape(6, 5))
    with pytest.raises(ValueError, match=r"coil_maps expects a shape of at least \(6, 5\), got \(8, 4\)"):
        A.coil_maps(u, (8, 4))


def test_maps_and_image_are_found_from_undersampled_data():
    shape = (48, 44)
    y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in shape], indexing="ij")
    image = ((x / 0.7) ** 2 + (y / 0.8) ** 2 < 1) * (1 + 0.5 * torch.sin(9 * x) * torch.cos(7 * y))
    maps = birdcage_maps(shape, 6)
    mask = UniformSampling(2, acs_lines=10)(shape)
    kspace = CartesianMRI(mask, maps)(image.to(torch.complex64))
    A = JointSENSE(mask, 6, shape)
    data = 100 * kspace / kspace.norm()
    start = A.initial(data)
    assert bool((start[0] == 1).all())
    assert not bool(start[1:].any())
    solver = GaussNewton(stop=MaxIter(13), alpha=1.0, decay=0.5, inner_tol=1e-2)
    u = solver.solve(Problem(A, data), start).image
    found, inside = A.coil_maps(u), (x / 0.65) ** 2 + (y / 0.75) ** 2 < 1
    correlation = (found.conj() * maps).sum(0).abs()[inside]
    assert float(correlation.min()) > 0.998
    seen = A.image(u).abs() * float(kspace.norm()) / 100
    error = float((seen - image)[inside].norm() / image[inside].norm())
    zero_filled = CartesianMRI(mask, maps).adjoint(kspace).abs()
    assert error < 0.02
    assert error < 0.3 * float((zero_filled - image)[inside].norm() / image[inside].norm())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="JointSENSE expects at least one of coils"):
        JointSENSE(torch.ones(1), 0, (4, 4))
    with pytest.raises(ValueError, match=r"mask that broadcasts against images of shape \(4, 4\), got \(3, 4\)"):
        JointSENSE(torch.ones(3, 4), 2, (4, 4))
    with pytest.raises(ValueError, match="JointSENSE expects a mask of zeros and ones"):
        JointSENSE(torch.full((4, 4), 0.5), 2, (4, 4))
    with pytest.raises(ValueError, match=r"smoothness for each of 2 axes, or one, got \(1\.0, 1\.0, 1\.0\)"):
        JointSENSE(torch.ones(1), 2, (4, 4), smoothness=(1.0, 1.0, 1.0))
