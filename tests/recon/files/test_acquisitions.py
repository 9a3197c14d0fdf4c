"""Lines of a scan by their counters, flags and centres, without the library that writes such files."""

import numpy as np
import pytest

from recon.files import DataError
from recon.files.acquisitions import Acquisitions

COUNTERS = (
    "kspace_encode_step_1",
    "kspace_encode_step_2",
    "average",
    "slice",
    "contrast",
    "phase",
    "repetition",
    "set",
)
HEAD = np.dtype(
    [
        ("flags", "u8"),
        ("active_channels", "u2"),
        ("number_of_samples", "u2"),
        ("center_sample", "u2"),
        ("encoding_space_ref", "u2"),
        ("discard_pre", "u2"),
        ("discard_post", "u2"),
        ("idx", [(name, "u2") for name in COUNTERS]),
    ]
)
RNG = np.random.default_rng(0)
NZ, NY, NX, COILS = 3, 4, 8, 2
KSPACE = (RNG.standard_normal((COILS, NZ, NY, NX)) + 1j * RNG.standard_normal((COILS, NZ, NY, NX))).astype(np.complex64)


class Table:
    """As h5py gives a dataset of records: columns by name, rows by slices; it remembers which rows were read."""

    def __init__(self, lines):
        self.heads = np.array([head for head, _ in lines], HEAD)
        self.data = np.empty(len(lines), object)
        for row, (_, samples) in enumerate(lines):
            self.data[row] = np.ascontiguousarray(samples, np.complex64).reshape(-1).view(np.float32)
        self.read = []

    def fields(self, name):
        table = self

        class Column:
            def __getitem__(self, where):
                if name == "data":
                    table.read.append(where)
                return (table.heads if name == "head" else table.data)[where]

        return Column()


def line(samples, ky=0, kz=0, *, flags=0, centre=NX // 2, encoding=0, pre=0, post=0, **counters):
    index = tuple(
        {**counters, "kspace_encode_step_1": ky, "kspace_encode_step_2": kz}.get(name, 0) for name in COUNTERS
    )
    return (flags, len(samples), samples.shape[1], centre, encoding, pre, post, index), samples


def header(nz=NZ, **limits):
    steps = {f"kspace_encoding_step_{n}": limits[f"step_{n}"] for n in (1, 2) if f"step_{n}" in limits}
    return {"encoded": {"matrix": [nz, NY, NX], "fov_mm": [1.0, 1.0, 1.0]}, "limits": steps}


def sort(lines, **limits):
    return Acquisitions("a.h5:dataset", Table(lines), header(**limits))


def test_a_volume_in_any_order():
    places = RNG.permutation(NZ * NY)
    scan = sort([line(KSPACE[:, n // NY, n % NY], n % NY, n // NY) for n in places.tolist()])
    assert scan.axes == ("coil", "kz", "ky", "kx")
    assert np.array_equal(scan.kspace()[()], KSPACE)
    assert scan.mask()[()].all()


def test_counters_become_axes_in_front_and_only_what_is_asked_for_is_read():
    def one(repetition, slice):
        return [
            line(KSPACE[:, 0, ky] * (1 + repetition + 10 * slice), ky, repetition=repetition, slice=slice)
            for ky in range(NY)
        ]

    lines = [entry for repetition in range(2) for slice in range(3) for entry in one(repetition, slice)]
    scan = sort(lines, nz=1)
    assert scan.axes == ("repetition", "slice", "coil", "ky", "kx")
    kspace = scan.kspace()
    assert kspace.shape == (2, 3, COILS, NY, NX)
    assert np.allclose(kspace[1, 2], KSPACE[:, 0] * 22)
    assert np.allclose(kspace[:, 1, 0, 2], np.outer([11, 12], KSPACE[0, 0, 2]))


def test_blocks_without_a_wanted_line_are_not_read():
    lines = [line(KSPACE[:, 0, 0], 0, repetition=number) for number in range(600)]
    scan = sort(lines, nz=1)
    scan.kspace()[599]
    assert scan.table.read == [slice(512, 768)]


def test_steps_are_counted_from_their_centre():
    scan = sort([line(KSPACE[:, 0, 0], 0)], nz=1, step_1=(0, 1, 3))
    assert scan.mask()[()].any(-1).tolist() == [False, True, False, False]


def test_samples_to_be_discarded_are_not_taken():
    scan = sort([line(KSPACE[:, 0, 0], 1, pre=2, post=1)], nz=1)
    assert scan.mask()[1].tolist() == [False, False, True, True, True, True, True, False]
    assert np.array_equal(scan.kspace()[:, 1, 2:7], KSPACE[:, 0, 0, 2:7])
    assert not scan.kspace()[:, 1, :2].any()


@pytest.mark.parametrize(("bit", "kind"), [(19, "noise"), (20, "calibration"), (23, "navigation"), (27, "dummy")])
def test_what_is_left_out_is_counted(bit, kind):
    other = line(KSPACE[:, 0, 0], 0, flags=1 << (bit - 1))
    scan = sort([line(KSPACE[:, 0, 1], 1), other, other, line(KSPACE[:, 0, 0], 0, encoding=1)], nz=1)
    assert scan.left_out == {kind: 2, "other encodings": 1}
    assert scan.mask()[()].any(-1).tolist() == [False, True, False, False]


def test_calibration_lines_that_are_of_the_image_too_are_kept():
    scan = sort([line(KSPACE[:, 0, 1], 1, flags=1 << 20)], nz=1)
    assert scan.left_out == {}
    assert scan.mask()[1].all()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "holds no lines of an image"),
        ([line(KSPACE[:, 0, 0], 1), line(KSPACE[:1, 0, 0], 2)], "has lines of different numbers of coils"),
        ([line(KSPACE[:, 0, 0], 1), line(KSPACE[:, 0, 0], 1)], "has 1 lines that were acquired twice"),
        ([line(KSPACE[:, 0, 0], 0, 3)], "has lines at kz 3 to 3 of 3"),
        ([line(KSPACE[:, 0, 0], 0, flags=1 << 21)], "has readouts acquired backwards"),
    ],
)
def test_what_is_refused(lines, sentence):
    with pytest.raises(DataError, match=sentence):
        sort(lines)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"trajectory": "spiral"}, "has a spiral trajectory"), ({}, "does not tell its encoded matrix")],
)
def test_headers_that_do_not_do(settings, sentence):
    with pytest.raises(DataError, match=sentence):
        Acquisitions("a.h5", Table([line(KSPACE[:, 0, 0])]), settings)
