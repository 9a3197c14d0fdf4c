"""BART files: column-major order undone, coils in front."""

import numpy as np
import pytest
import torch

from recon.files import Cfl, DataError, write_cfl


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


def test_kspace_is_written_in_the_order_of_bart(tmp_path):
    """As scans of BART come: one element along the first axis, coils along the fourth, frames along the eleventh."""
    kspace = torch.randn(5, 3, 6, 4, dtype=torch.complex64)
    path = write_cfl(tmp_path / "k.cfl", kspace, leading=(10, 3))
    sizes = [int(n) for n in (tmp_path / "k.hdr").read_text().splitlines()[1].split()]
    assert sizes[:5] == [1, 6, 4, 3, 1]
    assert sizes[10] == 5
    numbers = np.fromfile(path, "<c8").reshape(sizes, order="F")
    assert numbers[0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0] == kspace[4, 1, 1, 2].item()
    assert torch.equal(Cfl(str(path)).items()[0].load().data, kspace)
    volume = torch.randn(2, 5, 6, 4, dtype=torch.complex64)
    assert torch.equal(Cfl(str(write_cfl(tmp_path / "v", volume, 3))).items()[0].load().data, volume)
    maps = torch.randn(3, 2, 6, 4, dtype=torch.complex64)
    write_cfl(tmp_path / "m", maps, leading=(3, 4))  # coils before sets
    assert torch.equal(Cfl(str(tmp_path / "m.cfl")).items()[0].load().data, maps.transpose(0, 1))


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match=r"BART for each of the 2 axes .* got \(3,\) for shape \(5, 3, 6, 4\)"):
        write_cfl(tmp_path / "k", torch.zeros(5, 3, 6, 4))
    with pytest.raises(DataError, match=r"different axes from 3 to 15, got \(3, 3\)"):
        write_cfl(tmp_path / "k", torch.zeros(5, 3, 6, 4), leading=(3, 3))
    with pytest.raises(DataError, match="hold single precision"):
        write_cfl(tmp_path / "k", torch.full((2, 6, 4), 0.1, dtype=torch.float64))
