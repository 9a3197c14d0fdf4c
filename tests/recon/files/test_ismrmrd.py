"""ISMRMRD: lines put where their counters say, noise left out, what cannot be sorted refused."""

import h5py
import numpy as np
import pytest
import torch

from recon.files import DataError, Ismrmrd
from recon.preprocess import Prewhiten, RemoveOversampling

ismrmrd = pytest.importorskip("ismrmrd")

RNG = np.random.default_rng(0)
COILS, NY, NX, SLICES = 3, 12, 16, 4
KSPACE = (RNG.standard_normal((SLICES, COILS, NY, NX)) + 1j * RNG.standard_normal((SLICES, COILS, NY, NX))).astype("c8")
MISSING_LINE = 5
KSPACE[:, :, MISSING_LINE] = 0

HEADER = """<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<acquisitionSystemInformation><systemFieldStrength_T>3.0</systemFieldStrength_T></acquisitionSystemInformation>
<experimentalConditions><H1resonanceFrequency_Hz>128000000</H1resonanceFrequency_Hz></experimentalConditions>
<encoding>
<encodedSpace><matrixSize><x>{nx}</x><y>{ny}</y><z>1</z></matrixSize>
<fieldOfView_mm><x>400</x><y>300</y><z>5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>8</x><y>{ny}</y><z>1</z></matrixSize>
<fieldOfView_mm><x>200</x><y>300</y><z>5</z></fieldOfView_mm></reconSpace>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum><center>{centre}</center>
</kspace_encoding_step_1></encodingLimits><trajectory>{trajectory}</trajectory></encoding>
<sequenceParameters><TR>500</TR><TE>10</TE></sequenceParameters></ismrmrdHeader>"""


def acquisition(samples, step, slice=0, *, flag=None, centre=NX // 2):
    line = ismrmrd.Acquisition()
    line.resize(samples.shape[1], COILS)
    line.data[:] = samples
    line.center_sample = centre
    line.idx.kspace_encode_step_1, line.idx.slice = step, slice
    if flag is not None:
        line.setFlag(flag)
    return line


def save(path, lines, trajectory="cartesian", centre=NY // 2):
    header = HEADER.format(nx=NX, ny=NY, last=NY - 1, centre=centre, trajectory=trajectory)
    file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    file.write_xml_header(header.encode())
    for line in lines:
        file.append_acquisition(line)
    file.close()
    return str(path)


def shuffled():
    noise = acquisition(KSPACE[0, :, 0], 0, flag=ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
    steps = [step for step in RNG.permutation(NY).tolist() if step != MISSING_LINE]
    return [noise, *(acquisition(KSPACE[s, :, step], step, s) for step in steps for s in range(SLICES))]


def test_lines_are_sorted_into_place(tmp_path):
    item = Ismrmrd(save(tmp_path / "a.h5", shuffled())).items()[0].load()
    assert np.array_equal(item.data.numpy(), KSPACE)
    assert item.aux["mask"].dtype == torch.bool
    sampled = item.aux["mask"].all(-1)
    assert sampled.sum(-1).tolist() == [NY - 1] * SLICES
    assert not sampled[:, MISSING_LINE].any()
    assert item.meta["left_out"] == {"noise": 1}
    assert item.meta["axes"] == "slice coil ky kx"
    assert item.meta["spacing_mm"] == [25.0, 25.0]
    assert item.meta["mri"]["reconstructed"] == {"matrix": [1, NY, 8], "fov_mm": [5.0, 300.0, 200.0]}
    assert item.meta["mri"]["TE_ms"] == 10.0


def test_noise_and_oversampling_are_there_for_the_steps(tmp_path):
    item = Ismrmrd(save(tmp_path / "a.h5", shuffled()), slices={"axis": 0, "index": 0}).items()[0].load()
    assert np.array_equal(item.aux["noise"].numpy(), KSPACE[0, :, 0])
    assert item.meta["mri"]["oversampling"] == 2.0
    assert set(item.aux) == {"mask", "noise"}
    narrow = RemoveOversampling()(Prewhiten()(item))
    assert narrow.data.shape == (COILS, NY, NX // 2)
    assert narrow.aux["mask"].shape == (NY, NX // 2)
    white = narrow.aux["noise"]
    assert np.allclose((white @ white.mH / NX).numpy(), 2 * np.eye(COILS), atol=1e-4)


def test_a_slice_takes_its_mask_along(tmp_path):
    path = save(tmp_path / "a.h5", shuffled())
    item = Ismrmrd(path, slices={"axis": 0, "index": [2]}).items()[0].load()
    assert np.array_equal(item.data.numpy(), KSPACE[2])
    assert tuple(item.aux["mask"].shape) == (NY, NX)


def test_partial_fourier_and_short_readouts_keep_the_centre_at_the_middle(tmp_path):
    """The echo is sample 2 of 10, and step 3 is the centre of ky."""
    samples = KSPACE[0, :, 0, :10]
    item = Ismrmrd(save(tmp_path / "a.h5", [acquisition(samples, 3, centre=2)], centre=3)).items()[0].load()
    first = NX // 2 - 2
    assert np.array_equal(item.data[:, NY // 2, first : first + 10].numpy(), samples)
    assert int(item.aux["mask"].sum()) == 10
    assert np.count_nonzero(item.data.numpy()) == np.count_nonzero(samples)


@pytest.mark.parametrize(
    ("lines", "options", "sentence"),
    [
        (
            [(0, {})],
            {"trajectory": "radial"},
            "has a radial trajectory, and no points of it are stored with",
        ),
        ([(0, {}), (0, {})], {}, "has 1 lines that were acquired twice"),
        ([(40, {})], {}, "has lines at ky 40 to 40 of 12"),
        ([(0, {"flag": 22})], {}, r"has readouts acquired backwards \(EPI\)"),
        ([(0, {"flag": 19})], {}, "holds no lines of an image"),
        ([(0, {"centre": 3})], {}, "has readouts that reach beyond the 16 columns"),
    ],
)
def test_what_is_refused(tmp_path, lines, options, sentence):
    acquisitions = [acquisition(KSPACE[0, :, 0], step, **extra) for step, extra in lines]
    path = save(tmp_path / "a.h5", acquisitions, **options)
    with pytest.raises(DataError, match=sentence):
        Ismrmrd(path).items()[0].load()


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.ones(3)
    with pytest.raises(DataError, match="is no ISMRMRD file: it has no group with xml and data"):
        Ismrmrd(str(tmp_path / "a.h5")).items()[0].load()
