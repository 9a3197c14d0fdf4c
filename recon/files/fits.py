"""FITS images of astronomy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import About, ArrayFile, Index, LazyArray, brief, quiet
from recon.files.item import DataError
from recon.files.need import need

_BITPIX = (8, 16, 32, 64, -32, -64)
_WCS = ("CTYPE", "CUNIT", "CRVAL", "CRPIX", "CDELT")
_MILLIMETRES = {"mm": 1.0, "m": 1000.0, "cm": 10.0, "um": 1e-3, "micron": 1e-3}


@dataclass(frozen=True)
class Fits(ArrayReader):
    """The images of a FITS file by the names of their HDUs, compressed ones too; needs astropy, the extra ``fits``.

    An HDU is called by its ``EXTNAME``, or ``PRIMARY``, or its number where two have one name. Axes are in NumPy's
    order, ``NAXIS1`` last; rows stay in the order of the file, which viewers draw from the bottom up (the step ``flip``
    turns them over). Values are ``BZERO`` + ``BSCALE`` · stored, computed in double precision, and NaN where they are
    ``BLANK``; the sidecar has these as ``rescale``. ``BUNIT`` is their unit, and the sidecar has the header's world
    coordinates. Only the slices asked for are read. The parameters are those of
    :class:`~recon.files.arrays.ArrayReader`.

    Source: W. D. Pence et al., Definition of the Flexible Image Transport System, version 3.0, A&A 524 (2010) A42.
    """

    names: ClassVar[tuple[str, ...]] = ("fits",)
    suffixes: ClassVar[tuple[str, ...]] = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")
    holds_images: ClassVar[bool] = True

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        need("astropy", f"{path}, a FITS file,")
        from astropy.io import fits

        try:
            with quiet():
                file = fits.open(path, do_not_scale_image_data=True)
                units = {name: unit for name, unit in _named(file).items() if unit.header.get("NAXIS", 0) > 0}
        except Exception as error:  # astropy lets those of its header parser through
            raise DataError(f"{path} is not a readable FITS file ({brief(error)}).") from None
        with file:
            wrong = {name: unit.header.get("BITPIX") for name, unit in units.items()}
            for name, bits in wrong.items():
                if bits not in _BITPIX:
                    raise DataError(f"{path}:{name} has numbers of BITPIX {bits}, which FITS does not know.")
            yield _Images(path, units)


def _named(file: Any) -> dict[str, Any]:
    """The image HDUs that a file has, by name."""
    images = [(number, unit) for number, unit in enumerate(file) if unit.is_image]
    count = Counter(unit.name for _, unit in images)
    return {unit.name if unit.name and count[unit.name] == 1 else str(number): unit for number, unit in images}


@dataclass(frozen=True)
class _Images(ArrayFile):
    path: Path
    units: dict[str, Any]

    def names(self) -> list[str]:
        return list(self.units)

    def array(self, name: str, index: Index) -> LazyArray:
        unit = self.units[name]
        rescale = _rescale(unit.header)
        stored = np.dtype(f"{'i' if unit.header['BITPIX'] > 8 else 'u'}{abs(unit.header['BITPIX']) // 8}")
        if unit.header["BITPIX"] < 0:
            stored = np.dtype(f"f{-unit.header['BITPIX'] // 8}")
        unsigned = _unsigned(rescale, stored)
        dtype = unsigned or (np.dtype(np.float64) if rescale else stored)

        def read(where: tuple[Any, ...]) -> Any:
            raw = np.asarray(unit.section[where])
            if unsigned is not None:
                return raw.astype(stored).view(unsigned) ^ unsigned.type(1 << 8 * stored.itemsize - 1)
            if not rescale:
                return raw
            values = raw.astype(np.float64) * rescale["slope"] + rescale["intercept"]
            return np.where(raw == rescale["blank"], np.nan, values) if "blank" in rescale else values

        return LazyArray(tuple(unit.shape), dtype, read, f"{self.path}:{name}").at(index)

    def about(self, name: str) -> About:
        header = self.units[name].header
        rescale = _rescale(header)
        ndim = header["NAXIS"]
        world = {key: header[key] for n in range(1, ndim + 1) for stem in _WCS if (key := f"{stem}{n}") in header}
        lengths = [(header.get(f"CDELT{n}"), _MILLIMETRES.get(str(header.get(f"CUNIT{n}")))) for n in (1, 2, 3)[:ndim]]
        spacing = tuple(abs(step) * factor for step, factor in reversed(lengths) if step and factor)
        notes = {**({"rescale": rescale} if rescale else {}), **({"world": world} if world else {})}
        known = spacing if len(spacing) == len(lengths) else None
        return About(str(header.get("BUNIT", "")).strip(), known, {**notes, "rows_run": "upwards in FITS viewers"})


def _rescale(header: Any) -> dict[str, float]:
    slope, intercept = float(header.get("BSCALE", 1.0)), float(header.get("BZERO", 0.0))
    blank = {"blank": int(header["BLANK"])} if "BLANK" in header and header["BITPIX"] > 0 else {}
    if (slope, intercept) == (1.0, 0.0) and not blank:
        return {}
    return {"slope": slope, "intercept": intercept, **blank}


def _unsigned(rescale: dict[str, float], stored: np.dtype[Any]) -> np.dtype[Any] | None:
    """The unsigned type that FITS spells as a signed one and an intercept of half its range."""
    half = 2.0 ** (8 * stored.itemsize - 1)
    if stored.kind != "i" or "blank" in rescale:
        return None
    same = (rescale.get("slope"), rescale.get("intercept")) == (1.0, half)
    return np.dtype(f"u{stored.itemsize}") if same else None
