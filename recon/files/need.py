"""Libraries of single formats, which not everyone has."""

from __future__ import annotations

from importlib.util import find_spec

from recon.files.item import DataError

EXTRAS = {"astropy": "fits", "nibabel": "nifti", "pydicom": "dicom", "zarr": "zarr"}
"""Libraries and the extras of this distribution that install them."""


def need(library: str, what: str) -> None:
    """Raise a :class:`DataError` that says what to install unless the library is there."""
    if find_spec(library) is None:
        raise DataError(f"{what} needs the package {library}: pip install 'recon-imaging[{EXTRAS[library]}]'.")
