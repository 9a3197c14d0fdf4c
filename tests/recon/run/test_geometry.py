from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.config.errors import ConfigError
from recon.files import DataError
from recon.operators import ConeBeam, FanBeam, ParallelBeam3D, VectorBeam
from tests.recon.run.conftest import operator

SCAN = "geometry: {name: parallel_beam, angles: from-file, angle_unit: deg"


def test_what_the_job_leaves_out_follows_from_the_data() -> None:
    A = operator(f"{{{SCAN}, pitch: 0.5}}}}", torch.ones(6, 11))
    assert A.geometry.bins == 11
    assert A.geometry.angles == pytest.approx([pi * a / 6 for a in range(6)])
    assert (A.volume.shape, A.volume.spacing) == ((11, 11), (0.5, 0.5))
    assert A.geometry.offset == 0


def test_what_the_job_says_stays() -> None:
    text = f"{{{SCAN}, pitch: 0.5, bins: 11, offset: 0.2}}, volume: {{shape: [4, 8]}}}}"
    A = operator(text, torch.ones(6, 11), axis_offset_px=3)
    assert (A.volume.shape, A.volume.spacing, A.geometry.offset) == ((4, 8), (0.5, 0.5), 0.2)
    assert operator(f"{{{SCAN}}}, volume: {{spacing: 2}}}}", torch.ones(6, 11)).volume.spacing == (2, 2)
    assert operator(f"{{{SCAN}}}, volume: {{spacing: 2}}}}", torch.ones(6, 11)).volume.shape == (11, 11)


def test_the_rotation_axis_found_in_preprocessing_lies_where_it_was_found() -> None:
    A = operator(f"{{{SCAN}, pitch: 0.5}}}}", torch.ones(6, 11), axis_offset_px=-1.25)
    assert A.geometry.axis_bin == pytest.approx(5 - 1.25)


def test_evenly_spaced_angles_leave_out_the_end() -> None:
    text = "{geometry: {name: parallel_beam, angles: {start: 0, stop: 180, count: 4}, angle_unit: deg}}"
    assert operator(text, torch.ones(4, 5)).geometry.angles == pytest.approx([0, pi / 4, pi / 2, 3 * pi / 4])


def test_the_number_of_angles_must_be_that_of_the_projections() -> None:
    text = "{geometry: {name: parallel_beam, angles: [0, 90], angle_unit: deg}}"
    with pytest.raises(DataError) as error:
        operator(text, torch.ones(4, 5))
    assert str(error.value) == "scan.h5 has data of shape (4, 5), which is not one row for each of 2 angles."


DIVERGING = "angles: from-file, angle_unit: deg, source_to_axis: 40, source_to_detector: 60"


def test_pixels_of_a_fan_are_as_wide_as_what_a_bin_sees_of_the_axis() -> None:
    A = operator(f"{{geometry: {{name: fan_beam, {DIVERGING}, pitch: 0.6}}}}", torch.ones(6, 11))
    assert isinstance(A.geometry, FanBeam)
    assert A.geometry.shape == (6, 11)
    assert A.volume.shape == (11, 11)
    assert A.volume.spacing == pytest.approx((0.4, 0.4))


def test_rows_and_bins_of_data_in_space_are_those_of_the_detector() -> None:
    text = f"{{geometry: {{name: cone, {DIVERGING}, pitch: [0.9, 0.6], offset: [3, 0], source_offset: [0.6, 0]}}}}"
    A = operator(text, torch.ones(6, 5, 11))
    assert isinstance(A.geometry, ConeBeam)
    assert A.geometry.shape == (6, 5, 11)
    assert A.volume.shape == (5, 11, 11)
    assert A.volume.spacing == pytest.approx((0.6, 0.4, 0.4))
    assert A.volume.offset == pytest.approx((0.6 + (3 - 0.6) * 40 / 60, 0, 0))
    text = "{geometry: {name: parallel_3d, angles: from-file, angle_unit: deg, pitch: [2, 1], offset: [1, 0]}}"
    A = operator(text, torch.ones(6, 5, 11))
    assert isinstance(A.geometry, ParallelBeam3D)
    assert (A.volume.shape, A.volume.spacing, A.volume.offset) == ((5, 11, 11), (2, 1, 1), (1, 0, 0))
    heights = A.geometry.heights()
    assert torch.allclose(A.volume.centres(0), heights)


def test_the_volume_of_a_helix_is_as_high_as_its_path() -> None:
    text = f"{{geometry: {{name: cone_beam, {DIVERGING}, pitch: 0.6, helical_pitch: 8}}}}"
    degrees = torch.linspace(0, 720, 37, dtype=torch.float64)
    A = operator(text, torch.ones(37, 5, 11), aux={"angles": degrees})
    assert A.volume.shape == (5 + 40, 11, 11)
    assert A.volume.offset == pytest.approx((8, 0, 0))


FLAT = [(1.5, 0.0, 0.0), (-2.0, 0.7, 0.0), (1.0, -0.4, 0.9)]


@pytest.mark.parametrize(("axis", "offset", "source"), FLAT)
@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_the_axis_of_a_fan_is_seen_in_the_bin_where_it_was_found(
    axis: float, offset: float, source: float, detector: str
) -> None:
    """The ray through that bin (its neighbours interpolated) must run through the origin."""
    geometry = f"name: fan_beam, {DIVERGING}, pitch: 0.6, detector: {detector}, offset: {offset}"
    text = f"{{geometry: {{{geometry}, source_offset: {source}}}}}"
    A = operator(text, torch.ones(6, 11), axis_offset_px=axis, axis_found_by="given")
    points, directions = A.geometry.rays()
    missed = points[..., 0] * directions[..., 1] - points[..., 1] * directions[..., 0]
    place = 5 + axis
    low = int(place)
    ahead, behind = missed[:, low + 1], missed[:, low]
    assert torch.allclose(behind + (place - low) * (ahead - behind), torch.zeros(6, dtype=torch.float64), atol=1e-4)


def test_the_axis_of_a_cone_is_seen_in_the_bin_where_it_was_found() -> None:
    text = f"{{geometry: {{name: cone_beam, {DIVERGING}, pitch: [0.9, 0.6]}}}}"
    A = operator(text, torch.ones(6, 5, 11), axis_offset_px=2, axis_found_by="given")
    assert isinstance(A.geometry, ConeBeam)
    assert A.geometry.axis_offset == pytest.approx(2 * 0.6 * 40 / 60)
    points, directions = A.geometry.rays()
    through, along = points[:, 2, 7, 1:], directions[:, 2, 7, 1:]
    assert torch.allclose(through[:, 0] * along[:, 1], through[:, 1] * along[:, 0], atol=1e-12)


def test_the_axis_of_parallel_rays_in_space_lies_where_it_was_found() -> None:
    text = "{geometry: {name: parallel_beam_3d, angles: from-file, angle_unit: deg, pitch: [2, 0.5]}}"
    A = operator(text, torch.ones(6, 5, 11), axis_offset_px=-1.25)
    assert isinstance(A.geometry, ParallelBeam3D)
    assert A.geometry.row.axis_bin == pytest.approx(5 - 1.25)


def test_an_axis_that_the_job_gives_stays() -> None:
    text = f"{{geometry: {{name: fan_beam, {DIVERGING}, axis_offset: 0.25}}}}"
    A = operator(text, torch.ones(6, 11), axis_offset_px=3, axis_found_by="auto")
    assert isinstance(A.geometry, FanBeam)
    assert A.geometry.axis_offset == 0.25


def test_the_axis_of_parallel_rays_is_none_of_a_fan() -> None:
    with pytest.raises(DataError) as error:
        operator(
            f"{{geometry: {{name: fan_beam, {DIVERGING}}}}}", torch.ones(6, 11), axis_offset_px=1, axis_found_by="auto"
        )
    assert str(error.value) == (
        "rotation_axis found the axis of scan.h5 as that of parallel rays, and those of geometry 'fan_beam' diverge; "
        "give it source_to_detector and pitch, or the offset as a number."
    )


VECTORS = "name: vector_beam, detectors: from-file, u: from-file, sources: from-file"


def vectors() -> tuple[FanBeam, dict[str, torch.Tensor]]:
    """A fan beam, and its vectors as an item holds them."""
    fan = FanBeam([0.1 * a for a in range(6)], 11, 40, 60, 0.6)
    beam = VectorBeam.of(fan)
    arrays = {name: torch.tensor(getattr(beam, name), dtype=torch.float64) for name in ("detectors", "u", "sources")}
    return fan, arrays


def test_vectors_come_from_the_item() -> None:
    fan, arrays = vectors()
    A = operator(f"{{geometry: {{{VECTORS}}}, volume: {{shape: [9, 8], spacing: 0.4}}}}", torch.ones(6, 11), aux=arrays)
    assert torch.allclose(A.geometry.rays()[1], fan.rays()[1])


def test_vectors_in_space_come_from_files(tmp_path: Path) -> None:
    beam = VectorBeam.of(ConeBeam([0.1 * a for a in range(6)], 5, 11, 40, 60, 0.6))
    for name in ("detectors", "u", "v", "sources"):
        np.save(tmp_path / f"{name}.npy", np.array(getattr(beam, name)))
    given = ", ".join(f"{name}: {tmp_path}/{name}.npy" for name in ("detectors", "u", "v", "sources"))
    text = f"{{geometry: {{name: vectors, {given}}}, volume: {{shape: [5, 9, 8], spacing: 0.4}}}}"
    A = operator(text, torch.ones(6, 5, 11))
    assert A.geometry == beam


@pytest.mark.parametrize(("volume", "lacks"), [("", "shape and the spacing"), (", volume: {shape: [9, 8]}", "spacing")])
def test_vectors_do_not_tell_the_volume(volume: str, lacks: str) -> None:
    with pytest.raises(ConfigError, match=f"needs the {lacks} of its volume, which vectors do not tell"):
        operator(f"{{geometry: {{{VECTORS}}}{volume}}}", torch.ones(6, 11), aux=vectors()[1])


def test_every_view_needs_its_vectors() -> None:
    text = f"{{geometry: {{{VECTORS}}}, volume: {{shape: [9, 8], spacing: 0.4}}}}"
    with pytest.raises(DataError) as error:
        operator(text, torch.ones(5, 11), aux=vectors()[1])
    assert str(error.value).endswith("(5, 11), which is not one row for each of 6 sources.")


def test_data_in_space_for_a_geometry_in_the_plane() -> None:
    with pytest.raises(DataError) as error:
        operator(f"{{{SCAN}}}}}", torch.ones(6, 5, 11))
    assert str(error.value) == (
        "scan.h5 has data of shape (6, 5, 11), which geometry 'parallel_beam' takes slice by slice; choose slices in "
        "input, or write a geometry in space such as parallel_beam_3d."
    )


def test_stacks_of_sinograms_are_batches() -> None:
    A = operator(f"{{{SCAN}}}}}", torch.ones(4, 6, 11), aux={"angles": torch.arange(6.0) * 30})
    assert A.range_shape == (6, 11)


def test_views_cut_angles_that_the_job_writes_out() -> None:
    text = "{geometry: {name: parallel_beam, angles: {start: 0, stop: 180, count: 6}, angle_unit: deg}}"
    A = operator(text, torch.ones(2, 11), views={"of": 6, "kept": [4, 1]})
    assert A.geometry.angles == pytest.approx([4 * pi / 6, pi / 6])
