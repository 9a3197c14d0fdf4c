"""Cartesian scans in jobs: series, oversampled readouts and raw data, from the file to the image."""

from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch

from recon.cli import main
from recon.operators import (
    CartesianMRI,
    Identity,
    NonCartesianMRI,
    RandomSampling,
    SoftSENSE,
    Trajectory,
    birdcage_maps,
)
from recon.run.describe import data_kind

N = 32
MAPS = birdcage_maps((N, N), 6)


def disc(shift: float = 0.0) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, N), torch.linspace(-1, 1, N), indexing="ij")
    return (((x - shift) ** 2 + y**2) < 0.5).to(torch.complex64) * (1 + y)


def reconstructed(folder: Path, job: str, **arrays: torch.Tensor) -> torch.Tensor:
    with h5py.File(folder / "scan.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array.numpy()
    keys = ", ".join(f"{name}: {name}" for name in arrays)
    head = f"recon: 1\ninput: {{name: hdf5, path: scan.h5, keys: {{{keys}}}}}\n"
    tail = "solver: {name: cgls, stop: {max_iter: 60}}\noutput: {path: out, formats: [npz]}\n"
    (folder / "job.yaml").write_text(head + job + tail)
    assert main(["reconstruct", str(folder / "job.yaml"), "--quiet"]) == 0
    (written,) = (folder / "out").rglob("*.npz")
    with np.load(written) as saved:
        return torch.from_numpy(saved["image"])


def test_a_series_with_a_mask_for_each_frame(tmp_path: Path) -> None:
    pattern = RandomSampling(2, acs_lines=8, per_frame=True)
    frames = torch.stack([disc(shift) for shift in (0.0, 0.1, 0.2)])
    A = CartesianMRI(pattern, MAPS, shape=(3, N, N), ndim=2)
    data = A(frames)
    job = "operator: {name: cartesian_mri, mask: {name: random, acceleration: 2, acs_lines: 8, per_frame: yes}, "
    found = reconstructed(tmp_path, job + "coil_maps: from-file, ndim: 2}\n", data=data, coil_maps=MAPS)
    assert found.shape == (3, N, N)
    assert float((found - frames).norm() / frames.norm()) < 0.1
    assert float((A(found) - data).norm() / data.norm()) < 3e-3


def test_an_oversampled_readout_of_which_a_part_was_sampled(tmp_path: Path) -> None:
    mask = torch.ones(N, 2 * N, dtype=torch.bool)
    mask[:, :20] = False
    data = CartesianMRI(mask, MAPS, oversampling=2)(disc())
    job = "operator: {name: cartesian_mri, mask: from-file, coil_maps: from-file, oversampling: 2}\n"
    found = reconstructed(tmp_path, job, data=data, coil_maps=MAPS, mask=mask)
    assert found.shape == (N, N)
    again = CartesianMRI(mask, MAPS, oversampling=2)(found)
    assert float((again - data).norm() / data.norm()) < 1e-3


def test_raw_data_through_every_step(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.eye(6) + 0.2 * torch.randn(6, 6, generator=generator)
    noise = 1e-3 * torch.randn(6, N, 2 * N, dtype=torch.complex64, generator=generator)
    data = torch.tensordot(mixing + 0j, CartesianMRI(torch.ones(1), MAPS, oversampling=2)(disc()) + noise, 1)
    scan = torch.tensordot(mixing + 0j, 1e-3 * torch.randn(6, 20000, dtype=torch.complex64, generator=generator), 1)
    job = """
preprocess:
  - prewhiten
  - {name: remove_oversampling, factor: 2}
  - {name: compress_coils, tolerance: 0.01, method: geometric}
  - sampling_mask
  - {name: coil_maps, calib_width: 16}
operator: {name: cartesian_mri, mask: from-file, coil_maps: from-file}
"""
    found = reconstructed(tmp_path, job, data=data, noise=scan).abs()
    truth = disc().abs()
    # White noise of σ = 1 was 1e-3 / √2 before: the image is √2 · 1e3 as large, where maps have Σ|S|² = 1.
    inside = truth > 0
    assert float((found / (2**0.5 * 1e3) - truth)[inside].abs().median()) < 0.02


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        (CartesianMRI(torch.ones(1), MAPS), "kspace"),
        (NonCartesianMRI(Trajectory.radial(3, 8), MAPS), "kspace"),
        (SoftSENSE(torch.ones(1), MAPS[None]), "kspace"),
        (Identity((3, 4)), "auto"),
    ],
)
def test_k_space_is_drawn_as_such(operator: object, kind: str) -> None:
    solved = SimpleNamespace(case=SimpleNamespace(operator=operator))
    assert data_kind(solved) == kind  # type: ignore[arg-type]
