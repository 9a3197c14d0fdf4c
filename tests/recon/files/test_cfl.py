"""BART files: column-major order undone, coils in front."""

import numpy as np
import pytest

from recon.files import Cfl, DataError


def save(path, array):
    """As BART does: sizes in the header, numbers with the first axis fastest."""
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, array.shape)) + " \n# Command\nfft\n")
    array.astype("<c8").flatten(order="F").tofile(path.with_suffix(".cfl"))


def test_axes(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 5, 4, 3, 1, 2)) + 1j * rng.standard_normal((1, 5, 4, 3, 1, 2))
    save(tmp_path / "k", x)
    data = Cfl(str(tmp_path / "k.cfl")).items()[0].load().data.numpy()
    assert data.shape == (2, 3, 5, 4)
    for other in range(2):
        for coil in range(3):
            assert np.array_equal(data[other, coil], x[0, :, :, coil, 0, other].astype(np.complex64))


def test_two_dimensions(tmp_path):
    x = np.arange(6).reshape(2, 3) * (1 + 2j)
    save(tmp_path / "image", x)
    assert np.array_equal(Cfl(str(tmp_path)).items()[0].load().data.numpy(), x)


def test_what_is_refused(tmp_path):
    save(tmp_path / "k", np.ones((2, 3)))
    (tmp_path / "k.cfl").write_bytes(b"1234")
    with pytest.raises(DataError, match=r"k.cfl has 4 bytes, but its header's \[2, 3\] complex numbers take 48."):
        Cfl(str(tmp_path)).items()[0].load()
    (tmp_path / "k.hdr").write_text("hello")
    with pytest.raises(DataError, match=r"k.hdr is not a BART header"):
        Cfl(str(tmp_path)).items()[0].load()
    (tmp_path / "k.hdr").unlink()
    with pytest.raises(DataError, match=r"k.hdr is missing: a .cfl file needs its .hdr beside it."):
        Cfl(str(tmp_path)).items()[0].load()
