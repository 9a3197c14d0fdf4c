"""From maps to k-space and back."""

import pytest
import torch

from recon.operators import (
    CartesianMRI,
    GaussianNoise,
    Identity,
    InversionRecovery,
    NonCartesianMRI,
    QuantitativeMRI,
    RandomSampling,
    T2Decay,
    Trajectory,
    Volume,
    WaterFat,
    birdcage_maps,
    fit_voxels,
)
from recon.phantoms import SinusoidalCoils, relaxation_head
from recon.solvers import GaussNewton, MaxIter, Problem, cg

GENERATOR = torch.Generator().manual_seed(0)
MAPS = birdcage_maps((12, 10), 4).to(torch.complex128)
LINES = RandomSampling(acceleration=2, acs_lines=2, per_frame=True)((12, 10), (4,))
TE = [0.02, 0.05, 0.09, 0.14]


def smooth(low, high):
    y, x = torch.meshgrid(torch.linspace(0, 3, 12), torch.linspace(0, 2, 10), indexing="ij")
    return low + (high - low) * (0.5 + 0.5 * torch.sin(x + 2 * y).double())


def test_the_operator_and_its_derivatives_are_those_of_its_parts():
    scan, model = CartesianMRI(LINES, MAPS, ndim=2), T2Decay(TE, (12, 10))
    A = QuantitativeMRI(scan, T2Decay(TE))
    x = torch.randn(2, *A.domain_shape, dtype=torch.complex128, generator=GENERATOR)
    v = torch.randn(2, *A.domain_shape, dtype=torch.complex128, generator=GENERATOR)
    w = torch.randn(2, *A.range_shape, dtype=torch.complex128, generator=GENERATOR)
    torch.testing.assert_close(A(x), scan(model(x)))
    torch.testing.assert_close(A.jvp(x, v), torch.func.jvp(A.__call__, (x,), (v,))[1])
    torch.testing.assert_close(A.vjp(x, w), torch.func.vjp(A.__call__, x)[1](w)[0])
    torch.testing.assert_close(A.gauss_newton(x)(v), A.vjp(x, A.jvp(x, v)))
    torch.testing.assert_close(A.gauss_newton(x, lambda y: 3 * y)(v), 3 * A.vjp(x, A.jvp(x, v)))


def test_gauss_newton_takes_the_normal_operator_of_the_scan(monkeypatch):
    A = QuantitativeMRI(CartesianMRI(LINES, MAPS, ndim=2), T2Decay(TE))
    data = A(A.point(m0=smooth(0.5, 1.0), t2=smooth(0.05, 0.2)))
    calls = {"normal": 0, "apply_adjoint": 0}
    for name in calls:
        original = getattr(CartesianMRI, name)

        def counted(self, x, name=name, original=original):
            calls[name] += 1
            return original(self, x)

        monkeypatch.setattr(CartesianMRI, name, counted)
    GaussNewton(stop=MaxIter(4), inner_iter=10, inner_tol=1e-8).solve(Problem(A, data))
    assert calls["normal"] == 4 * 10
    assert calls["apply_adjoint"] <= 6  # a gradient at the start and one a step


@pytest.mark.parametrize("kind", ["t2", "t1", "water and fat"])
def test_maps_are_found_from_clean_undersampled_data(kind):
    scan = CartesianMRI(LINES, MAPS, ndim=2)
    m0 = torch.polar(smooth(0.5, 1.0), smooth(-1.0, 1.0))
    model, maps = {
        "t2": (T2Decay(TE), {"m0": m0, "t2": smooth(0.05, 0.2)}),
        "t1": (InversionRecovery([0.1, 0.5, 1.3, 4.0], repetition_time=6.0), {"m0": m0, "t1": smooth(0.5, 2.0)}),
        "water and fat": (
            WaterFat([0.001, 0.0022, 0.0034, 0.0046]),
            {"water": m0, "fat": 0.5 * m0, "b0": smooth(-30, 30), "r2_star": smooth(20, 60)},
        ),
    }[kind]
    full = CartesianMRI(torch.ones(4, 1, 1), MAPS, ndim=2) if kind == "water and fat" else scan
    A = QuantitativeMRI(full, model)
    solver = GaussNewton(stop=MaxIter(25), alpha=1.0, decay=0.2, inner_tol=1e-6, inner_iter=200)
    found = A.maps(solver.solve(Problem(A, A(A.point(**maps)))).image)
    for name, values in maps.items():
        torch.testing.assert_close(found[name], values, rtol=1e-3, atol=1e-3)


def test_radial_frames_of_golden_angle():
    scan = NonCartesianMRI(Trajectory.golden_angle(4 * 9, 20), MAPS, frames=4)
    A = QuantitativeMRI(scan, T2Decay(TE))
    maps = {"m0": smooth(0.5, 1.0).to(torch.complex128), "t2": smooth(0.05, 0.2)}
    solver = GaussNewton(stop=MaxIter(8), alpha=1.0, decay=0.1, inner_tol=1e-4)
    found = A.maps(solver.solve(Problem(A, A(A.point(**maps)))).image)
    torch.testing.assert_close(found["t2"], maps["t2"], rtol=2e-2, atol=0)


def test_noisy_maps_beat_those_fitted_to_images_of_each_echo():
    """R = 4 with lines of each echo at random, eight coils; both ways with their best penalty of a few."""
    n, te = 64, [0.015 * k for k in range(1, 9)]
    volume = Volume((n, n))
    head, coils = relaxation_head(0.45 * n), SinusoidalCoils.birdcage(volume, 8)
    mask = RandomSampling(acceleration=4, acs_lines=4, power=0, per_frame=True, seed=1)((n, n), (8,))
    scan = CartesianMRI(mask, coils.maps(volume), ndim=2)
    clean = head.multi_echo_kspace(volume, te, coils=coils)
    data = GaussianNoise(0.006).sample(clean, torch.Generator().manual_seed(0)) * mask[:, None]
    truth = head.parameters(volume)["t2"]

    def error(t2):
        return float(((t2 - truth).abs() / truth)[truth > 0].median())

    A = QuantitativeMRI(scan, T2Decay(te, t2=0.1))
    ours, theirs = [], []
    for least in (3e-3, 6e-3):
        solver = GaussNewton(stop=MaxIter(8), alpha=1.0, decay=1 / 3, alpha_least=least, inner_tol=1e-2)
        ours.append(error(A.maps(solver.solve(Problem(A, data)).image)["t2"]))
    for lam in (1e-4, 1e-3, 3e-3, 1e-2):
        images, _ = cg(lambda v, lam=lam: scan.normal(v) + lam * v, scan.adjoint(data), 3, None, 1e-5, 80)
        theirs.append(error(A.maps(fit_voxels(A.signal, images))["t2"]))
    assert min(ours) < 0.5 * min(theirs), (ours, theirs)


def test_wrong_use():
    with pytest.raises(ValueError, match=r"series of 3 images, one for each time of T2Decay, got one .* \(4, 12, 10\)"):
        QuantitativeMRI(CartesianMRI(LINES, MAPS, ndim=2), T2Decay(TE[:3]))
    scan = CartesianMRI(LINES, MAPS, ndim=2)
    with pytest.raises(
        ValueError, match=r"shape of the images of its scan, \(12, 10\), got one of shape \(3, 3\); leave"
    ):
        QuantitativeMRI(scan, T2Decay(TE, (3, 3)))
    with pytest.raises(TypeError, match="scan to be a linear operator, such as CartesianMRI, got None"):
        QuantitativeMRI(None, T2Decay(TE))
    with pytest.raises(TypeError, match="signal to be a signal model, such as T2Decay, got None"):
        QuantitativeMRI(scan, None)
    real = Identity((4, 12, 10))
    real.domain_field = "real"
    with pytest.raises(TypeError, match="a scan of complex images to complex data, got Identity, a real one"):
        QuantitativeMRI(real, T2Decay(TE))


def test_a_scan_of_ones_own_is_any_linear_operator_on_complex_images():
    model = T2Decay(TE, (12, 10))
    A = QuantitativeMRI(Identity((4, 12, 10)), model)
    x = torch.randn(A.domain_shape, dtype=torch.complex128, generator=GENERATOR)
    torch.testing.assert_close(A(x), model(x))


@pytest.mark.parametrize("sigma", [0.01, torch.tensor([0.01, 0.02], dtype=torch.float64)])
def test_steps_take_the_normal_of_the_scan_whatever_noise_items_have(sigma, monkeypatch):
    scan = CartesianMRI(torch.ones(1), MAPS, shape=(4, 12, 10), ndim=2)
    A = QuantitativeMRI(scan, T2Decay(TE))
    y = A(A.point(m0=1.0, t2=torch.full((2, 12, 10), 0.08, dtype=torch.float64)))
    calls, normal = [], CartesianMRI.normal
    monkeypatch.setattr(CartesianMRI, "normal", lambda self, x: calls.append(x) or normal(self, x))
    GaussNewton(stop=MaxIter(2)).solve(Problem(A, y, GaussianNoise(sigma)))
    assert calls
