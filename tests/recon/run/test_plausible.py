"""K-space that is not what its operator takes it for ends in one sentence, and what was not sampled is left out."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from recon.cli import main
from recon.operators import (
    CartesianMRI,
    Identity,
    NonCartesianMRI,
    OffResonanceMRI,
    RandomSampling,
    SoftSENSE,
    Trajectory,
    birdcage_maps,
)
from recon.run.errors import ItemError
from recon.run.plausible import check_maps, sampled_kspace

N = 32
MAPS = birdcage_maps((N, N), 3)
MASK = RandomSampling(3, acs_lines=6)((N, N))


def disc() -> torch.Tensor:
    axis = torch.linspace(-1, 1, N)
    return ((axis[:, None] ** 2 + axis**2) < 0.6).to(torch.complex64)


def kspace(mask: torch.Tensor = MASK) -> torch.Tensor:
    return CartesianMRI(mask, MAPS)(disc())


def failed(folder: Path, data: np.ndarray, mask: np.ndarray, capsys: pytest.CaptureFixture[str]) -> str:
    with h5py.File(folder / "scan.h5", "w") as file:
        file["data"], file["mask"], file["maps"] = data, mask, MAPS.numpy()
    (folder / "job.yaml").write_text(
        "recon: 1\ninput: {name: hdf5, path: scan.h5, keys: {data: data, mask: mask, coil_maps: maps}}\n"
        "operator: {name: cartesian_mri, mask: from-file, coil_maps: from-file}\n"
        "solver: {name: cgls, stop: {max_iter: 3}}\noutput: {path: out, formats: [npz]}\n"
    )
    assert main(["reconstruct", str(folder / "job.yaml")]) == 1
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("real", "holds real numbers, but CartesianMRI makes complex data"),
        ("magnitude", "holds real numbers, but CartesianMRI makes complex data"),
        ("zero", "is zero throughout, so nothing was measured"),
        ("transposed mask", "samples that its mask says were taken, while it leaves out others that are not"),
        ("mask of ones", "is zero at 66% of the samples that its mask says were taken; it may be transposed"),
        ("not shifted", "has zero frequency at index 0 of axis -2, as FFTs leave it, which belongs at N//2"),
    ],
)
def test_one_sentence(case: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y, mask = kspace(), MASK
    data, mask = {
        "real": (y.real, mask),
        "magnitude": (y.abs(), mask),
        "zero": (0 * y, mask),
        "transposed mask": (y, mask.T),
        "mask of ones": (y, torch.ones(N, N)),
        "not shifted": (torch.fft.ifftshift(kspace(torch.ones(1)), dim=(-2, -1)), torch.ones(N, N)),
    }[case]
    assert sentence in failed(tmp_path, data.numpy(), mask.numpy(), capsys)


def test_one_axis_that_was_not_shifted() -> None:
    A = CartesianMRI(torch.ones(1), MAPS)
    for axis in (-2, -1):
        moved = torch.fft.ifftshift(A(disc()), dim=axis)[None]
        with pytest.raises(ItemError, match=f"at index 0 of axis {axis},"):
            sampled_kspace(A, moved, "scan")


def test_what_was_sampled_stays_and_the_rest_is_zero() -> None:
    """Full data with a mask are undersampled data, so that objectives and gaps do not count what no image explains."""
    full = kspace(torch.ones(1))[None]
    A = CartesianMRI(MASK, MAPS)
    assert torch.equal(sampled_kspace(A, full, "scan"), full * MASK)
    already = full * MASK
    assert sampled_kspace(A, already, "scan") is already
    blurred = OffResonanceMRI(A, torch.zeros(N, N), torch.zeros(N))
    assert torch.equal(sampled_kspace(blurred, full, "scan"), full * MASK)
    soft = SoftSENSE(MASK, MAPS[None])
    assert torch.equal(sampled_kspace(soft, full, "scan"), full * MASK)
    single = CartesianMRI(MASK)
    assert torch.equal(sampled_kspace(single, full[0], "scan"), full[0] * MASK)
    frames = CartesianMRI(torch.stack([MASK, MASK.flip(0)]), MAPS, ndim=2)
    several = full.expand(2, 3, N, N)[None]
    assert torch.equal(sampled_kspace(frames, several, "scan"), several * frames.mask[:, None])


def test_maps_of_planes_are_not_taken_for_those_of_a_volume() -> None:
    """Their shape is the same, where axis -3 was taken for that of the coils."""
    volume = CartesianMRI(torch.ones(1), torch.ones(2, 3, 8, 8, dtype=torch.complex64), ndim=3)
    with pytest.raises(ItemError, match=r"of images of 2 axes, but CartesianMRI takes images of 3; give .* ndim: 3"):
        check_maps(volume, {"coil_maps_ndim": 2}, "scan")
    check_maps(volume, {"coil_maps_ndim": 3}, "scan")
    check_maps(volume, {}, "scan")
    check_maps(SoftSENSE(MASK, MAPS[None]), {"coil_maps_ndim": 2}, "scan")
    check_maps(Identity((4, 5)), {"coil_maps_ndim": 2}, "scan")


def test_samples_that_happen_to_be_zero_are_no_contradiction() -> None:
    """Readouts cut short and padding leave zeros in what a mask calls sampled."""
    A = CartesianMRI(torch.ones(1), MAPS)
    short = A(disc())
    short[..., : N // 4] = 0
    assert torch.equal(sampled_kspace(A, short[None], "scan")[0], short)


def test_samples_away_from_the_centre_only_tell_nothing_of_shifts() -> None:
    mask = torch.ones(N, N)
    mask[N // 2 - 3 : N // 2 + 4] = 0
    A = CartesianMRI(mask, MAPS)
    y = A(disc())[None]
    assert torch.equal(sampled_kspace(A, y, "scan"), y)


def test_other_operators_are_left_alone() -> None:
    zeros = torch.zeros(1, 4, 5)
    assert sampled_kspace(Identity((4, 5)), zeros, "scan") is zeros
    radial = NonCartesianMRI(Trajectory.radial(3, 8), shape=(8, 8))
    with pytest.raises(ItemError, match="zero throughout"):
        sampled_kspace(radial, torch.zeros(1, 3, 8, dtype=torch.complex64), "scan")
