"""MNIST's format."""

import gzip
import struct

import numpy as np
import pytest

from recon.files import DataError, Idx

DIGITS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
RAW = b"\0\0\x08\x03" + struct.pack(">3I", *DIGITS.shape) + DIGITS.tobytes()


@pytest.mark.parametrize("name", ["digits-idx3-ubyte.gz", "digits.idx"])
def test_digits(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(RAW) if name.endswith("gz") else RAW)
    references = Idx(str(tmp_path / name), slices={"axis": 0}).items()
    assert len(references) == 2
    assert np.array_equal(references[1].load().data.numpy(), DIGITS[1])


def test_big_endian_numbers(tmp_path):
    (tmp_path / "a.idx").write_bytes(b"\0\0\x0d\x01" + struct.pack(">I2f", 2, 0.5, -3))
    assert Idx(str(tmp_path / "a.idx")).items()[0].load().data.tolist() == [0.5, -3.0]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\x1f\x8bbroken", "cannot be unpacked"),
        (b"\x89PNG....", "is not an IDX file: it does not begin like one"),
        (RAW[:-1], r"has 39 bytes, but its header's \[2, 3, 4\] numbers take 40"),
    ],
)
def test_what_is_refused(tmp_path, raw, sentence):
    (tmp_path / "a.idx").write_bytes(raw)
    with pytest.raises(DataError, match=sentence):
        Idx(str(tmp_path / "a.idx")).items()[0].load()


def test_a_compressed_file_that_claims_petabytes(tmp_path):
    """Nothing of the kind is allocated."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\0\0\x0e\x03" + b"\xff" * 12))
    with pytest.raises(
        DataError, match=r"a\.gz is of \d+ bytes by its header, more than its file of \d+ bytes can hold"
    ):
        Idx(str(tmp_path / "a.gz")).items()[0].load()
