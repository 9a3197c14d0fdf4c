"""Lazy arrays read no more than what is asked for, and what is said of an array follows its slices."""

import warnings

import numpy as np
import pytest

from recon.files.contents import About, LazyArray, SingleArray, brief, check_claim, element, reading
from recon.files.item import DataError

STACK = np.arange(24).reshape(2, 3, 4)


@pytest.fixture
def lazy():
    """The stack, with a list of what was asked of it."""
    asked = []

    def read(where):
        asked.append(where)
        return STACK[where]

    return LazyArray(STACK.shape, STACK.dtype, read, "a.x:data"), asked


@pytest.mark.parametrize("where", [1, (1, -1), (slice(0, 1), 2), (..., 1), (slice(None), [2, 0])])
def test_indices_are_those_of_numpy(lazy, where):
    expected = STACK[1] if where == (..., 1) else STACK[where]  # an ellipsis stands for the axes that are left
    assert np.array_equal(lazy[0][where], expected)


def test_elements_and_the_transpose_are_not_read_before_they_are_indexed(lazy):
    array, asked = lazy
    row, turned = array.at((1, -1)), array.T
    assert (row.shape, turned.shape, turned.at((3,)).shape) == ((4,), (4, 3, 2), (3, 2))
    assert not asked
    assert np.array_equal(row[1:3], STACK[1, 2, 1:3])
    assert asked == [(1, 2, slice(1, 3))]
    assert np.array_equal(turned[3, :, 0], STACK[0, :, 3])


@pytest.mark.parametrize("where", [2, (0, 3), (0, 0, 0, 0), -3])
def test_indices_that_are_out_of_range(lazy, where):
    with pytest.raises(IndexError):
        lazy[0][where]
    with pytest.raises(IndexError):
        lazy[0].at(where if isinstance(where, tuple) else (where,))
    assert not lazy[1]


def test_a_single_array_is_called_data():
    container = SingleArray(STACK)
    assert (container.names(), container.main()) == (["data"], "data")
    assert np.array_equal(container.array("data", (1,)), STACK[1])
    assert element(STACK, ()) is STACK
    with pytest.raises(KeyError):
        container.array("other", ())


@pytest.mark.parametrize(
    ("axis", "spacing"), [(0, (2.0, 1.0)), (1, (3.0, 1.0)), (-1, (3.0, 2.0))], ids=["first", "second", "last"]
)
def test_spacing_loses_the_axis_of_a_slice(axis, spacing):
    assert About("", (3.0, 2.0, 1.0)).along(axis, 3, 0).spacing_mm == spacing


def test_spacing_of_the_last_axes_outlives_a_slice_in_front_of_them():
    about = About("", (2.0, 1.0)).along(0, 4, 0)
    assert about.along(0, 3, 0).spacing_mm == (2.0, 1.0)
    assert about.along(0, 3, 0).along(0, 2, 0).spacing_mm == (1.0,)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_affine_of_a_slice_takes_its_voxels_to_the_same_points(axis):
    """Element [z, y, x] of the volume is voxel (x, y, z)."""
    affine = np.array([[-2.0, 0.1, 0, 1], [0, 3, 0.2, 2], [0, 0, 4, 3], [0, 0, 0, 1]])
    notes = About("", None, {"affine": affine.tolist(), "axes_point_to": "LAS"}).along(axis, 3, 5).notes
    place = [7, 8, 9]
    place[axis] = 5
    left = [n for number, n in enumerate(place) if number != axis]
    point = affine @ [*reversed(place), 1]
    assert np.allclose(np.array(notes["affine"]) @ [*reversed(left), 0, 1], point)
    assert notes["axes_point_to"] == {0: "LAS", 1: "LSA", 2: "ASL"}[axis]


def test_notes_of_single_elements_belong_to_slices_of_the_first_axis():
    about = About("", None, {"position": [0], "rescale": [1, 2]}, ({"position": [0]}, {"position": [5], "rescale": 2}))
    assert about.along(0, 3, 1).notes == {"position": [5], "rescale": 2}
    assert about.along(-1, 3, 1).notes == {"rescale": [1, 2]}


def test_errors_of_libraries_become_one_sentence():
    with pytest.raises(DataError, match=r"^a.x cannot be read \(no such chunk: 3\)\.$"), reading("a.x cannot be read"):
        raise RuntimeError("no such\n   chunk: 3.")
    with (
        pytest.raises(DataError, match=r"^a.x cannot be read: it takes more memory than there is"),
        reading("a.x cannot be read"),
    ):
        raise MemoryError
    with warnings.catch_warnings(record=True) as told, reading("a.x cannot be read"):
        warnings.warn("grumble", stacklevel=1)
    assert not told


def test_brief_has_no_addresses_and_is_never_empty():
    assert brief(ValueError("cannot identify <_io.BytesIO object at 0x7fbb45e659e0>")) == "cannot identify it"
    assert brief(KeyError()) == "KeyError"
    assert len(brief(ValueError("x" * 999))) == 200


@pytest.mark.parametrize(("needed", "packed", "fits"), [(10, False, True), (11, False, False), (10320, True, True)])
def test_claims_of_headers(tmp_path, needed, packed, fits):
    (tmp_path / "a.x").write_bytes(b"0123456789")
    if fits:
        check_claim(tmp_path / "a.x", needed, "a.x", packed=packed)
        needed = 10321 if packed else 11
    with pytest.raises(DataError) as caught:
        check_claim(tmp_path / "a.x", needed, "a.x", packed=packed)
    assert str(caught.value) == f"a.x is of {needed} bytes by its header, more than its file of 10 bytes can hold."
