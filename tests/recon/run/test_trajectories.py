"""Non-Cartesian scans in jobs: trajectories by name and from files, and whole jobs."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from recon.cli import main
from recon.config.components import Components
from recon.config.errors import ConfigError, Mark
from recon.config.nodes import Map, parse_yaml
from recon.files import Item
from recon.operators import NonCartesianMRI, Trajectory, birdcage_maps, density_compensation
from recon.run.build import Surroundings, build
from recon.signatures import find_class

SHAPE = (12, 10)


def operator(text: str, **arrays: torch.Tensor) -> NonCartesianMRI:
    """The operator of a job for an item that has some arrays."""
    node = parse_yaml(text, Mark("job.yaml", 1, 1, Path()))
    info = find_class("recon.operators.NonCartesianMRI")
    assert info is not None
    assert isinstance(node, Map)
    spec = Components().fill(info, "noncartesian_mri", "operator 'noncartesian_mri'", node)
    item = Item("scan", "scan.h5", torch.zeros(1), aux=arrays)
    built = build(spec, Surroundings(item, (3, 8)))
    assert isinstance(built, NonCartesianMRI)
    return built


@pytest.mark.parametrize(
    ("text", "trajectory"),
    [
        ("{name: radial, spokes: 3, samples: 8}", Trajectory.radial(3, 8)),
        ("{name: radial, spokes: 2, samples: 8, angles: [0.1, 2]}", Trajectory.radial(2, 8, angles=[0.1, 2.0])),
        ("{name: golden_angle, spokes: 3, samples: 8, first: 5}", Trajectory.golden_angle(3, 8, first=5)),
        ("{name: spiral, shots: 3, samples: 8, turns: 1.5}", Trajectory.spiral(3, 8, 1.5)),
    ],
)
def test_names_and_parameters(text: str, trajectory: Trajectory) -> None:
    A = operator(f"{{trajectory: {text}, shape: [12, 10]}}")
    assert A.trajectory == trajectory
    assert A.domain_shape == SHAPE


def test_a_stack_of_stars_by_name() -> None:
    A = operator("{trajectory: {name: stack_of_stars, spokes: 3, samples: 8, partitions: 2}, shape: [2, 12, 10]}")
    assert A.trajectory == Trajectory.stack_of_stars(3, 8, 2)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("from-file", lambda points: points),
        ("{name: points, points: from-file}", lambda points: points),
        ("{name: points, points: from-file, convention: radians}", lambda points: 2 * torch.pi * points),
        ("{name: points, points: from-file, convention: mri_nufft}", lambda points: points.movedim(0, -1)),
        (
            "{name: points, points: from-file, convention: sigpy, shape: [12, 10]}",
            lambda points: points.movedim(0, -1) * torch.tensor(SHAPE),
        ),
        (
            "{name: points, points: from-file, convention: bart, shape: [12, 10]}",
            lambda points: torch.stack((10 * points[1].T, 12 * points[0].T, 0 * points[0].T)),
        ),
    ],
)
def test_points_come_with_the_item(text: str, layout) -> None:  # type: ignore[no-untyped-def]
    points = Trajectory.spiral(3, 8, 1.5).points
    role = "trajectory" if text == "from-file" else "points"
    A = operator(f"{{trajectory: {text}, shape: [12, 10]}}", **{role: layout(points)})
    torch.testing.assert_close(A.trajectory.points, points)


def test_frames_by_number() -> None:
    A = operator("{trajectory: {name: golden_angle, spokes: 6, samples: 8}, shape: [12, 10], frames: 2}")
    assert A.domain_shape == (2, 12, 10)
    assert A.range_shape == (2, 3, 8)


def test_the_shape_is_that_of_the_maps() -> None:
    A = operator(
        "{trajectory: {name: radial, spokes: 3, samples: 8}, coil_maps: from-file}", coil_maps=birdcage_maps(SHAPE, 4)
    )
    assert A.domain_shape == SHAPE
    assert A.range_shape == (4, 3, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{trajectory: {name: radial, spokes: 3, samples: 8}}",
            "job.yaml:1:1: NonCartesianMRI needs the shape ([nz,] ny, nx) of the image, or coil_maps, which tell it.",
        ),
        (
            "{trajectory: {name: radial, spoke: 3, samples: 8}, shape: [12, 10]}",
            "job.yaml:1:29: trajectory 'radial' takes no 'spoke'; did you mean 'spokes'?",
        ),
        (
            "{trajectory: {name: radial, spokes: 0, samples: 8}, shape: [12, 10]}",
            "job.yaml:1:37: Trajectory.radial expects spokes to be a positive whole number, got 0.",
        ),
        (
            "{trajectory: {name: points, points: [[[5]], [[0]]]}, shape: [12, 10]}",
            "job.yaml:1:37: Trajectory expects points in cycles per pixel within [-1/2, 1/2), got 0 to 5; convert k·N "
            "with Trajectory.from_kn and radians with Trajectory.from_radians, in jobs by their convention.",
        ),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        operator(text)
    assert str(error.value) == message


def test_a_radial_job_finds_the_image(tmp_path: Path) -> None:
    axes = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    image = (((axes[0] + 0.1) ** 2 + axes[1] ** 2) < 0.5).to(torch.complex64)
    maps, trajectory = birdcage_maps((24, 24), 4), Trajectory.golden_angle(30, 48)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = NonCartesianMRI(trajectory, maps)(image).numpy()
        file["maps"] = maps.numpy()
        file["points"] = trajectory.points.movedim(0, -1).numpy() * 24
    (tmp_path / "job.yaml").write_text(
        """
recon: 1
input: {name: hdf5, path: scan.h5, keys: {data: kspace, coil_maps: maps, points: points}}
operator:
  name: noncartesian_mri
  trajectory: {name: points, points: from-file, convention: sigpy, shape: [24, 24]}
  coil_maps: from-file
noise: {name: gaussian, sigma: 0.01}
prior: {name: tv, lam: 1}
solver: {name: pdhg, stop: {max_iter: 300, gap: 1e-4}}
output: {path: out, formats: [npz]}
"""
    )
    assert main(["reconstruct", str(tmp_path / "job.yaml"), "--quiet"]) == 0
    (written,) = (tmp_path / "out").rglob("*.npz")
    with np.load(written) as saved:
        found = torch.from_numpy(saved["image"])
    assert float((found - image).norm() / image.norm()) < 0.02


@pytest.mark.parametrize("solver", ["{name: cgls, stop: {max_iter: 8}}", "adjoint"])
@pytest.mark.parametrize("density", ["pipe", "voronoi", "radial", "from-file"])
def test_the_density_of_a_job_is_that_of_its_operator(tmp_path: Path, density: str, solver: str) -> None:
    axes = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    image = torch.exp(-4 * ((axes[0] + 0.1) ** 2 + axes[1] ** 2)).to(torch.complex64)
    maps, trajectory = birdcage_maps((24, 24), 4), Trajectory.golden_angle(40, 48)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = NonCartesianMRI(trajectory, maps)(image).numpy()
        file["maps"] = maps.numpy()
        file["weights"] = density_compensation(trajectory, (24, 24)).numpy()
    (tmp_path / "job.yaml").write_text(
        f"""
recon: 1
input: {{name: hdf5, path: scan.h5, keys: {{data: kspace, coil_maps: maps, density: weights}}}}
operator:
  name: noncartesian_mri
  trajectory: {{name: golden_angle, spokes: 40, samples: 48}}
  coil_maps: from-file
fidelity: {{name: density_weighted, density: {density}}}
solver: {solver}
output: {{path: out, formats: [npz]}}
"""
    )
    assert main(["reconstruct", str(tmp_path / "job.yaml"), "--quiet"]) == 0
    (written,) = (tmp_path / "out").rglob("*.npz")
    with np.load(written) as saved:
        found = torch.from_numpy(saved["image"])
    assert float((found - image).norm() / image.norm()) < (0.02 if "cgls" in solver else 0.12)


def test_a_density_without_a_trajectory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "kspace.npy", np.ones((8, 8), np.complex64))
    (tmp_path / "job.yaml").write_text(
        """
recon: 1
input: {name: numpy, path: kspace.npy}
operator: {name: cartesian_mri, mask: [[1]]}
fidelity: {name: density_weighted, density: pipe}
solver: cgls
output: {path: out}
"""
    )
    assert main(["reconstruct", str(tmp_path / "job.yaml"), "--quiet"]) != 0
    assert "job.yaml:5:45: DensityWeightedFidelity needs the trajectory and the shape" in capsys.readouterr().err
