"""Reconstructions of MRI: normal equations of SENSE, blocks of locally low rank series, one heart by every method."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from recon.operators import CartesianMRI, GaussianNoise, LinearOperator, NonCartesianMRI, Trajectory, birdcage_maps
from recon.priors import LocallyLowRank, LowRankPlusSparse, Prior, Tikhonov, TotalVariation
from recon.solvers import FISTA, LSQR, PDHG, MaxIter, Problem, RelChange, Residuals, Solver, ZeroFilled

DATA = Path(__file__).resolve().parents[2] / "data" / "mri"


def sample(name: str) -> dict[str, Tensor]:
    with h5py.File(DATA / f"{name}.h5") as file:
        return {key: torch.from_numpy(entry[()]) for key, entry in file.items()}


def cartesian() -> tuple[LinearOperator, Tensor]:
    arrays = sample("cartesian")
    A = CartesianMRI(arrays["mask"].bool(), arrays["coil_maps"].to(torch.complex128))
    return A, arrays["kspace"].to(torch.complex128)


def radial() -> tuple[LinearOperator, Tensor]:
    maps = birdcage_maps((32, 32), 4).to(torch.complex128)
    A = NonCartesianMRI(Trajectory.golden_angle(16, 64), maps)
    generator = torch.Generator().manual_seed(0)
    return A, torch.randn(A.range_shape, dtype=torch.complex128, generator=generator)


@pytest.mark.parametrize("scan", [cartesian, radial])
def test_sense_solves_its_normal_equations(scan) -> None:  # type: ignore[no-untyped-def]
    """(AᴴA/σ² + λ) x = Aᴴy/σ²."""
    (A, y), sigma, lam = scan(), 0.01, 200.0
    solver = LSQR(stop=MaxIter(400) | Residuals(1e-11))
    x = solver.solve(Problem(A, y, GaussianNoise(sigma), Tikhonov(lam))).image
    b = A.adjoint(y) / sigma**2
    rest = A.normal(x) / sigma**2 + lam * x - b
    assert float(rest.norm() / b.norm()) <= 1e-8


@pytest.mark.parametrize("offset", [(0, 0), (1, 3)])
def test_local_prox_is_shrinkage_of_singular_values_by_numpy(offset: tuple[int, int]) -> None:
    """Blocks that begin at the offset and go around the edges."""
    series = torch.randn(6, 8, 12, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    found = LocallyLowRank(0.7, (4, 6), offset=offset).prox(series, 1.5).x.numpy()
    moved = np.roll(series.numpy(), (-offset[0], -offset[1]), (1, 2))
    expected = np.empty_like(moved)
    for i in (0, 4):
        for j in (0, 6):
            block = moved[:, i : i + 4, j : j + 6]
            u, s, v = np.linalg.svd(block.reshape(6, 24), full_matrices=False)
            expected[:, i : i + 4, j : j + 6] = ((u * np.maximum(s - 1.05, 0)) @ v).reshape(block.shape)
    np.testing.assert_allclose(found, np.roll(expected, offset, (1, 2)), atol=1e-12)


@pytest.mark.slow
def test_a_beating_heart_gains_by_what_its_frames_share() -> None:
    """PSNR over the series: zero-filled, frame by frame, then with priors on the series."""
    arrays = sample("dynamic")
    A = CartesianMRI(arrays["mask"].bool(), arrays["coil_maps"], ndim=2)
    truth = arrays["truth"]
    stop = MaxIter(300) | RelChange(2e-4)
    methods: dict[str, tuple[Solver, Prior | None]] = {
        "zero-filled": (ZeroFilled(), None),
        "SENSE": (LSQR(stop=MaxIter(50)), Tikhonov(100.0)),
        "L + S": (PDHG(stop=stop), LowRankPlusSparse(3000.0, 0.04)),
        "LLR": (FISTA(stop=stop), LocallyLowRank(300.0, (8, 8))),
        "TV": (PDHG(stop=stop), TotalVariation(50.0, axis_weights=(1.0, 0.3, 0.3))),
    }
    psnr = {}
    for name, (solver, prior) in methods.items():
        found = solver.solve(Problem(A, arrays["kspace"], GaussianNoise(0.005), prior))
        psnr[name] = float(10 * torch.log10(truth.abs().amax().square() / (found.image - truth).abs().square().mean()))
        if prior is not None and name == "L + S":
            still = found.components["low_rank"]
            assert float((still - still.mean(0)).norm() / still.norm()) < 0.1  # what moves is in the sparse part
    assert psnr["zero-filled"] < psnr["SENSE"] - 1
    assert psnr["SENSE"] < min(psnr["L + S"], psnr["LLR"], psnr["TV"]) - 8, psnr
