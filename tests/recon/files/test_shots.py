"""ISMRMRD scans that bring their trajectory: points in place, frames and slices apart, noise at the image's level."""

from pathlib import Path

import numpy as np
import pytest
import torch

from recon.cli import main
from recon.files import DataError, Ismrmrd
from recon.operators import NonCartesianMRI, Trajectory, birdcage_maps
from recon.preprocess import Prewhiten

ismrmrd = pytest.importorskip("ismrmrd")

COILS = 3
HEADER = """<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<experimentalConditions><H1resonanceFrequency_Hz>128000000</H1resonanceFrequency_Hz></experimentalConditions>
<encoding>
<encodedSpace><matrixSize><x>{nx}</x><y>{ny}</y><z>{nz}</z></matrixSize>
<fieldOfView_mm><x>200</x><y>200</y><z>5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>{nx}</x><y>{ny}</y><z>{nz}</z></matrixSize>
<fieldOfView_mm><x>200</x><y>200</y><z>5</z></fieldOfView_mm></reconSpace>
<encodingLimits></encodingLimits><trajectory>{name}</trajectory></encoding></ismrmrdHeader>"""


def save(path, shots, shape=(1, 24, 24), name="radial"):
    file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    nz, ny, nx = shape
    file.write_xml_header(HEADER.format(nx=nx, ny=ny, nz=nz, name=name).encode())
    for shot in shots:
        file.append_acquisition(shot)
    file.close()
    return str(path)


def shot(samples, points, *, flag=None, time=4.0, kz=0, **counters):
    """``samples`` (coils, n), ``points`` (ndim, n) in the order of the image's axes, None without a trajectory."""
    record = ismrmrd.Acquisition()
    record.resize(samples.shape[1], len(samples), 0 if points is None else len(points))
    record.data[:] = samples
    if points is not None:
        record.traj[:] = np.asarray(points)[::-1].T
    record.sample_time_us = time
    record.idx.kspace_encode_step_2 = kz
    for key, value in counters.items():
        setattr(record.idx, key, value)
    if flag is not None:
        record.setFlag(flag)
    return record


def random(*shape):
    parts = torch.randn((*shape, 2), generator=torch.Generator().manual_seed(sum(shape)))
    return torch.view_as_complex(parts)


def shots(trajectory, data, **counters):
    return [shot(data[:, n].numpy(), trajectory.points[:, n].numpy(), **counters) for n in range(trajectory.shape[0])]


def test_points_and_samples_come_in_the_order_of_the_file(tmp_path):
    trajectory, data = Trajectory.golden_angle(5, 8), random(COILS, 5, 8)
    item = Ismrmrd(save(tmp_path / "a.h5", shots(trajectory, data))).items()[0].load()
    assert torch.equal(item.data, data)
    torch.testing.assert_close(item.aux["trajectory"], trajectory.points, atol=1e-7, rtol=0)
    assert set(item.aux) == {"trajectory"}
    assert item.meta["axes"] == "coil shot sample"
    assert item.meta["mri"]["oversampling"] == 1.0
    assert Trajectory(item.aux["trajectory"]).shape == (5, 8)


@pytest.mark.parametrize(("unit", "factor"), [("kn", torch.tensor([20, 24])), ("radians", 2 * torch.pi)])
def test_other_units(tmp_path, unit, factor):
    trajectory, data = Trajectory.golden_angle(5, 8), random(COILS, 5, 8)
    scaled = trajectory.points * torch.as_tensor(factor).reshape(-1, 1, 1)
    lines = [shot(data[:, n].numpy(), scaled[:, n].numpy()) for n in range(5)]
    path = save(tmp_path / "a.h5", lines, (1, 20, 24))
    item = Ismrmrd(path, trajectory_unit=unit).items()[0].load()
    torch.testing.assert_close(item.aux["trajectory"], trajectory.points, atol=1e-7, rtol=0)
    with pytest.raises(DataError, match=r"has points up to [\d.]+, beyond 1/2 cycle per pixel; say with"):
        Ismrmrd(path).items()[0].load()


def test_frames_of_a_turning_scan_are_one_series_or_items_each(tmp_path):
    trajectory, data = Trajectory.golden_angle(6, 8), random(2, COILS, 3, 8)
    lines = [line for f in (0, 1) for line in shots(trajectory[3 * f : 3 * f + 3], data[f], repetition=f)]
    path = save(tmp_path / "a.h5", lines)
    item = Ismrmrd(path).items()[0].load()
    assert torch.equal(item.data, data)
    torch.testing.assert_close(item.aux["trajectory"], trajectory.points, atol=1e-7, rtol=0)
    A = NonCartesianMRI(item.aux["trajectory"], random(COILS, 24, 24), frames=2)
    assert A.range_shape == item.data.shape
    second = Ismrmrd(path, slices={"axis": 0, "index": 1}).items()[0].load()
    assert torch.equal(second.data, data[1])
    torch.testing.assert_close(second.aux["trajectory"], trajectory.points[:, 3:], atol=1e-7, rtol=0)


def test_slices_share_their_trajectory(tmp_path):
    trajectory, data = Trajectory.radial(3, 8), random(2, COILS, 3, 8)
    lines = [line for s in (0, 1) for line in shots(trajectory, data[s], slice=s)]
    item = Ismrmrd(save(tmp_path / "a.h5", lines)).items()[0].load()
    assert item.data.shape == (2, COILS, 3, 8)
    assert item.aux["trajectory"].shape == (2, 3, 8)


def test_planes_of_points_of_two_axes_lie_at_their_step_along_z(tmp_path):
    stack = Trajectory.stack_of_stars(3, 8, 4)
    data = random(COILS, 12, 8)
    lines = [shot(data[:, n].numpy(), stack.points[1:, n].numpy(), kz=n // 3) for n in range(12)]
    item = Ismrmrd(save(tmp_path / "a.h5", lines, (4, 24, 24))).items()[0].load()
    torch.testing.assert_close(item.aux["trajectory"], stack.points, atol=1e-7, rtol=0)


def test_noise_has_the_level_of_the_image(tmp_path):
    """Noise read out four times as slowly is half as strong, and is brought to the image's level."""
    trajectory, data, noise = Trajectory.radial(3, 8), random(COILS, 3, 8), random(COILS, 50)
    scan = shot(noise.numpy(), None, flag=ismrmrd.ACQ_IS_NOISE_MEASUREMENT, time=16.0)
    item = Ismrmrd(save(tmp_path / "a.h5", [scan, *shots(trajectory, data)])).items()[0].load()
    torch.testing.assert_close(item.aux["noise"], 2 * noise)
    assert item.meta["left_out"] == {"noise": 1}
    assert Prewhiten()(item).data.shape == data.shape


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t, d: [shot(d[:, 0], t[:, 0]), shot(d[:, 1, :6], t[:, 1, :6])], "has shots of 6 to 8 samples"),
        (
            lambda t, d: [shot(d[:, 0], t[:, 0]), shot(d[:, 1], t[:, 1]), shot(d[:, 2], t[:, 2], repetition=1)],
            "has 1 to 2 shots an image, expected as many of each",
        ),
        (lambda t, d: [shot(d[:, 0], np.ones((3, 8)) / 4)], "has points with kz other than 0"),
        (lambda t, d: [shot(d[:, 0], None)], "has a radial trajectory, and no points of it are stored"),
        (
            lambda t, d: [shot(d[:, 0], t[:, 0]), shot(d[:, 1], np.zeros((3, 8)))],
            "trajectories of .2, 3. dimensions",
        ),
    ],
)
def test_what_is_refused(tmp_path, change, sentence):
    trajectory, data = Trajectory.radial(3, 8).points.numpy(), random(COILS, 3, 8).numpy()
    with pytest.raises(DataError, match=sentence):
        Ismrmrd(save(tmp_path / "a.h5", change(trajectory, data))).items()[0].load()


def test_points_in_radians_reach_half_a_cycle_in_single_precision_too(tmp_path):
    """−π in single precision is a little more than half a cycle."""
    trajectory, data = Trajectory.radial(4, 8), random(COILS, 4, 8)
    radians = [shot(data[:, n].numpy(), 2 * np.pi * trajectory.points[:, n].numpy()) for n in range(4)]
    item = Ismrmrd(save(tmp_path / "a.h5", radians), trajectory_unit="radians").items()[0].load()
    points = Trajectory(item.aux["trajectory"]).points
    torch.testing.assert_close(points, trajectory.points, atol=1e-7, rtol=0)


@pytest.mark.parametrize("unit", ["kn", "radians"])
def test_cycles_are_not_taken_for_another_unit(tmp_path, unit):
    """All points would lie at the centre of k-space, without a word."""
    path = save(tmp_path / "a.h5", shots(Trajectory.radial(4, 8), random(COILS, 4, 8)))
    with pytest.raises(DataError, match=r"has points up to 0\.5, as in cycles per pixel; take trajectory_unit"):
        Ismrmrd(path, trajectory_unit=unit).items()[0].load()


def test_points_that_are_nan(tmp_path):
    path = save(tmp_path / "a.h5", [shot(np.ones((COILS, 8), "c8"), np.full((2, 8), np.nan))])
    with pytest.raises(DataError, match="has points that are NaN or infinite"):
        Ismrmrd(path).items()[0].load()


def test_a_job_from_a_radial_file_to_its_image(tmp_path: Path) -> None:
    axes = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    image = (((axes[0] + 0.1) ** 2 + axes[1] ** 2) < 0.5).to(torch.complex64)
    maps, trajectory = birdcage_maps((24, 24), COILS), Trajectory.golden_angle(40, 48)
    save(tmp_path / "scan.h5", shots(trajectory, NonCartesianMRI(trajectory, maps)(image)))
    np.save(tmp_path / "maps.npy", maps.numpy())
    (tmp_path / "job.yaml").write_text(
        """
recon: 1
input: {name: ismrmrd, path: scan.h5}
operator: {name: noncartesian_mri, trajectory: from-file, coil_maps: maps.npy}
solver: {name: cgls, stop: {max_iter: 40}}
output: {path: out, formats: [npz]}
"""
    )
    assert main(["reconstruct", str(tmp_path / "job.yaml"), "--quiet"]) == 0
    (written,) = (tmp_path / "out").rglob("*.npz")
    with np.load(written) as saved:
        found = torch.from_numpy(saved["image"])
    assert float((found - image).norm() / image.norm()) < 0.1
