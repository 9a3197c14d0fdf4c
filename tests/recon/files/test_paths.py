"""Order, discovery and names of files."""

from pathlib import Path

import pytest

from recon.files.item import DataError
from recon.files.paths import find_files, item_ids, natural_key


def test_numbers_sort_by_value():
    names = ["scan10", "scan02b", "Scan2", "scan1", "a", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "scan1", "Scan2", "scan02b", "scan10"]


def test_folder_takes_the_right_endings_in_natural_order(tmp_path):
    for name in ("s10.png", "s9.PNG", "note.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "inner.png").mkdir()
    assert [p.name for p in find_files(str(tmp_path), (".png",))] == ["s9.PNG", "s10.png"]


def test_patterns_and_single_files(tmp_path):
    for name in ("a/x1.h5", "a/x2.h5", "b/x1.h5", "b/[odd].h5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert len(find_files(str(tmp_path / "*" / "x1.h5"), ())) == 2
    assert len(find_files(str(tmp_path / "**" / "*.h5"), ())) == 4
    assert find_files(str(tmp_path / "b" / "[odd].h5"), ()) == [tmp_path / "b" / "[odd].h5"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("{0}/scan.h5", "There is no file or folder {0}/scan.h5; did you mean {0}/scan1.h5?"),
        ("{0}/zzz", "There is no file or folder {0}/zzz."),
        ("{0}/scam/x.h5", "There is no file or folder {0}/scam/x.h5: {0}/scam is missing."),
        ("{0}/*.tif", "No file matches {0}/*.tif."),
        ("{0}", "The folder {0} holds no file ending in .npy, .npz."),
    ],
)
def test_nothing_there_is_one_sentence(tmp_path, path, sentence):
    (tmp_path / "scan1.h5").touch()
    with pytest.raises(DataError) as caught:
        find_files(path.format(tmp_path), (".npy", ".npz"))
    assert str(caught.value) == sentence.format(tmp_path)


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["d/a.png", "d/b.png"], ["a", "b"]),
        (["d/a.png", "d/a.tif", "d/c.png"], ["a-png", "a-tif", "c"]),
        (["d/A.png", "d/a.png"], ["d-A-png", "d-a-png-2"]),
        (["x/a.png", "y/a.png"], ["x-a-png", "y-a-png"]),
        (["p/x/a.png", "q/x/a.png"], ["p-x-a-png", "q-x-a-png"]),
        (["d/my scan: 1.png", "d/..png"], ["my_scan_1", "item"]),
    ],
)
def test_ids_are_unique_on_any_file_system(files, ids):
    found = item_ids([Path(file) for file in files])
    assert len({i.casefold() for i in found}) == len(found)
    assert found == ids


def test_endings_of_two_parts_are_no_part_of_the_name():
    names = ["a.nii.gz", "b.fits.fz", "c.FITS.gz", "d.zarr.zip", "e.v2.npy"]
    assert item_ids([Path(name) for name in names]) == ["a", "b", "c", "d", "e.v2"]
