"""Least squares voxel by voxel."""

import pytest
import torch

from recon.operators import Dictionary, InversionRecovery, T2Decay, T2StarDecay, WaterFat, fit_voxels

TE = [0.015 * n for n in range(1, 9)]
GENERATOR = torch.Generator().manual_seed(0)


def between(low, high):
    return low + (high - low) * torch.rand(20, 30, dtype=torch.float64, generator=GENERATOR)


M0 = torch.randn(20, 30, dtype=torch.complex128, generator=GENERATOR)
CASES = [
    (T2Decay(TE), {"m0": M0, "t2": between(0.02, 0.5)}),
    (T2StarDecay([0.005 * n for n in range(1, 9)]), {"m0": M0, "t2_star": between(0.01, 0.08), "b0": between(-20, 20)}),
    (
        InversionRecovery([0.05, 0.2, 0.5, 1.0, 2.0, 4.0], efficiency=None),
        {"m0": M0, "t1": between(0.3, 4.0), "efficiency": between(0.8, 1.0)},
    ),
    (
        WaterFat([0.0011 * n for n in range(1, 7)]),
        {"water": M0, "fat": M0 * between(0, 1), "b0": between(-50, 50), "r2_star": between(10, 80)},
    ),
]


@pytest.mark.parametrize(("model", "maps"), CASES, ids=lambda case: getattr(case, "name", ""))
def test_parameters_of_clean_signals_are_found_from_zero(model, maps):
    series = model.on((20, 30))(model.on((20, 30)).point(**maps))
    found = model.on((20, 30)).maps(fit_voxels(model, series, tol=1e-12, max_iter=100))
    for name, values in maps.items():
        torch.testing.assert_close(found[name], values, rtol=1e-8, atol=1e-8)


def test_noise_of_the_fit_is_that_of_the_cramer_rao_bound():
    model = T2Decay(TE, t2=0.1)
    sigma, count = 0.01, 4000
    lone = model.point(m0=1.0, t2=torch.tensor(0.08, dtype=torch.float64))
    noise = torch.randn(8, count, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    series = model(lone)[:, None] + sigma * 2**0.5 * noise
    J = torch.view_as_real(torch.stack(model.columns(lone), -1).mT).flatten(1)
    bound = torch.linalg.inv(J @ J.T / sigma**2)[2, 2].sqrt()
    rates = fit_voxels(model, series)[1].real
    assert float(rates.std() / bound) == pytest.approx(1, abs=0.04)
    assert abs(float(rates.mean() - lone[1].real)) < 0.1 * float(bound)


def test_coefficients_of_a_subspace_and_a_matched_start_give_the_same():
    model, maps = CASES[0]
    model = model.on((20, 30))
    series = model(model.point(**maps))
    atoms = Dictionary(model, t2=torch.logspace(-2, 0.3, 80, dtype=torch.float64))
    start = model.point(**atoms.match(series))
    basis = atoms.basis(5)
    coefficients = torch.tensordot(basis.T.to(series.dtype), series, 1)
    matched = fit_voxels(model, series, start, tol=1e-10)
    projected = fit_voxels(model, coefficients, start, basis, tol=1e-10)
    torch.testing.assert_close(matched, model.point(**maps), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(model.maps(projected)["t2"], maps["t2"], rtol=1e-3, atol=1e-4)


def test_voxels_of_noise_alone_stay_finite():
    series = 0.01 * torch.randn(8, 500, dtype=torch.complex64, generator=torch.Generator().manual_seed(2))
    series[:, 0] = 0
    found = fit_voxels(T2Decay(TE), series)
    assert bool(torch.isfinite(found.abs()).all())
    assert not found[0, 0].abs() > 0


def test_wrong_use():
    with pytest.raises(ValueError, match=r"complex series of 8 images, got \(7, 2\) of complex64"):
        fit_voxels(T2Decay(TE), torch.ones(7, 2, dtype=torch.complex64))
    with pytest.raises(ValueError, match=r"got \(8, 2\) of float32"):
        fit_voxels(T2Decay(TE), torch.ones(8, 2))
    series = torch.ones(8, 2, dtype=torch.complex64)
    with pytest.raises(ValueError, match=r"start of shape \(2, 2\), got \(2, 3\)"):
        fit_voxels(T2Decay(TE), series, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"max_iter to be a positive whole number, got 1\.5"):
        fit_voxels(T2Decay(TE), series, max_iter=1.5)
    with pytest.raises(TypeError, match=r"a signal model, .* a series as a torch tensor, got NoneType and Tensor"):
        fit_voxels(None, series)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_images_that_are_not_finite_give_no_maps(bad):
    series = torch.ones(8, 2, dtype=torch.complex64)
    start = torch.zeros(2, 2, dtype=torch.complex64)
    for values, name in ((series, "series"), (start, "start")):
        broken = values.clone()
        broken[1, 0] = bad
        given = (broken, start) if name == "series" else (series, broken)
        with pytest.raises(ValueError, match=f"a finite {name}, got NaN or infinity; put zeros where nothing was"):
            fit_voxels(T2Decay(TE), *given)
