"""NIfTI images of medical imaging."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import About, ArrayFile, LazyArray, SingleArray, brief, check_claim, quiet
from recon.files.item import DataError
from recon.files.need import need

_MILLIMETRES = {"mm": 1.0, "meter": 1000.0, "micron": 1e-3}


@dataclass(frozen=True)
class Nifti(ArrayReader):
    """NIfTI-1 and NIfTI-2 images, ``.nii`` and ``.nii.gz``; needs nibabel, the extra ``nifti``.

    The file's voxel axes (i, j, k, t) become (t, k, j, i): (slices, rows, columns) and, in front, time. Nothing is
    flipped: the sidecar has the ``affine`` that takes (i, j, k) to mm, and ``axes_point_to`` as in ``RAS``, the ends to
    which i, j and k grow (right, anterior, superior). Values are those that the header's ``scl_slope`` and
    ``scl_inter`` give, computed in double precision; the sidecar has them as ``rescale``. Of a ``.nii`` file only the
    slices asked for are read. The one array of a file is called ``data``. The parameters are those of
    :class:`~recon.files.arrays.ArrayReader`.

    Source: NIfTI-1 data format, nifti.nimh.nih.gov/nifti-1.
    """

    names: ClassVar[tuple[str, ...]] = ("nifti",)
    suffixes: ClassVar[tuple[str, ...]] = (".nii", ".nii.gz")
    holds_images: ClassVar[bool] = True

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        need("nibabel", f"{path}, a NIfTI image,")
        import nibabel

        try:
            with quiet():
                image: Any = nibabel.load(path)
        except Exception as error:  # nibabel lets those of gzip, struct and numpy through
            raise DataError(f"{path} is not a readable NIfTI image ({brief(error)}).") from None
        if not isinstance(image, nibabel.Nifti1Image | nibabel.Nifti1Pair):
            raise DataError(f"{path} is no NIfTI image but one of {type(image).__name__.removesuffix('Image')}.")
        rescale = _rescale(image.dataobj)
        stored = image.get_data_dtype()
        numbers = Path(image.file_map["image"].filename)
        packed = numbers.suffix.lower() in (".gz", ".bz2", ".zst")
        if not numbers.exists():
            raise DataError(f"{numbers} is missing: {path} is a header alone.")
        check_claim(numbers, prod(image.shape) * stored.itemsize, str(path), packed=packed)
        dtype = np.dtype(np.float64) if rescale else stored
        values = LazyArray(tuple(image.shape), dtype, image.dataobj.__getitem__, f"{path}:data").T
        yield SingleArray(values, _about(image, rescale))


def _rescale(stored: Any) -> dict[str, float]:
    slope, intercept = float(stored.slope), float(stored.inter)
    return {} if (slope, intercept) == (1.0, 0.0) else {"slope": slope, "intercept": intercept}


def _about(image: Any, rescale: dict[str, float]) -> About:
    import nibabel

    header = image.header
    unit = header.get_xyzt_units()[0]
    factor = _MILLIMETRES.get(unit)
    spacing = [float(size) * (factor or 1.0) for size in header.get_zooms()[:3]]
    notes: dict[str, Any] = {
        "affine": np.asarray(image.affine, dtype=float).tolist(),
        "axes_point_to": "".join(code or "?" for code in nibabel.aff2axcodes(image.affine)),
        **({"rescale": rescale} if rescale else {}),
    }
    if factor is None:
        notes["length_unit"] = f"{unit}, taken for mm"
    return About("", tuple(reversed(spacing)), notes)
