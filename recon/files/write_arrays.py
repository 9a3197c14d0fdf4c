"""Formats of arrays: NumPy, HDF5, MATLAB, BART."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recon.files.contents import brief
from recon.files.item import DataError
from recon.files.picture import Note, Picture, to_json

_BART_AXES = 16


def npz(path: Path, picture: Picture) -> Note:
    """As it is."""
    with path.open("wb") as stream:
        np.savez_compressed(stream, image=picture.values, metadata=np.array(to_json(picture.metadata)))
    return {}


def hdf5(path: Path, picture: Picture) -> Note:
    """As it is."""
    import h5py

    with h5py.File(path, "w") as file:
        options = {"compression": "gzip", "shuffle": True} if picture.values.ndim else {}
        dataset = file.create_dataset("image", data=picture.values, **options)
        dataset.attrs["metadata"] = to_json(picture.metadata)
    return {}


def mat(path: Path, picture: Picture) -> Note:
    """As it is, in version 5."""
    from scipy.io import savemat

    try:
        with path.open("wb") as stream:
            variables = {"image": picture.values, "metadata": to_json(picture.metadata)}
            savemat(stream, variables, do_compression=True, oned_as="column")
    except OSError:
        raise
    except Exception as error:  # SciPy has an exception of its own for arrays beyond 2 GiB
        raise DataError(f"MATLAB's version 5 does not hold this image ({brief(error)}); use hdf5.") from None
    return {}


def cfl(path: Path, picture: Picture) -> Note:
    """Single-precision complex numbers, the first axis fastest; double precision that would be cut is refused."""
    values = picture.values
    numbers = values.astype(np.complex64)
    if not np.array_equal(numbers, values, equal_nan=True):
        raise DataError(
            f"BART's files hold single precision, and this image is of type {values.dtype}; use npz or hdf5."
        )
    numbers = np.moveaxis(numbers, 0, -1)[..., None, :] if picture.color else numbers
    with path.open("wb") as stream:
        stream.write(numbers.astype("<c8").tobytes(order="F"))
    return {} if np.iscomplexobj(values) else {"stored": "complex64, imaginary parts 0"}


def hdr(path: Path, picture: Picture) -> Note:
    """The sizes that belong to a .cfl file; colours are along the axis of coils."""
    shape = picture.values.shape
    if picture.color:
        shape = (*shape[1:], 1, shape[0])
    if len(shape) > 3 and not picture.color:
        raise DataError(
            f"BART's files hold images of up to three axes, not an array of shape {shape}; use npz or hdf5."
        )
    sizes = [*shape, *[1] * (_BART_AXES - len(shape))]
    path.write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n", encoding="ascii")
    return {}
