"""One DICOM file: its pixels on demand, and what its header says of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.contents import About, LazyArray, brief, check_claim, quiet
from recon.files.item import DataError


def read_header(path: Path) -> Any:
    """Everything before the pixels; a :class:`DataError` if the file is no DICOM image."""
    import pydicom

    try:
        with quiet():
            header: Any = pydicom.dcmread(path, stop_before_pixels=True)
    except Exception as error:  # pydicom lets those of its parsers through
        raise DataError(f"{path} is not a readable DICOM file ({brief(error)}).") from None
    if "Rows" not in header or "Columns" not in header:
        what = getattr(header.get("SOPClassUID"), "name", "") or "unknown"
        raise DataError(f"{path} tells no rows and columns: it is cut off or holds no image; its kind is {what}.")
    return header


@dataclass(frozen=True)
class DicomImage:
    """An image by its header; pixels are read when asked for."""

    path: Path
    header: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """([frames,] rows, columns), or (3, rows, columns) of colours."""
        plane = (int(self.header.Rows), int(self.header.Columns))
        if self._colours:
            return (3, *plane) if self._frames == 1 else (self._frames, 3, *plane)
        return plane if self._frames == 1 else (self._frames, *plane)

    def values(self) -> LazyArray:
        """The pixels with the rescaling of the file applied."""
        if str(self.header.get("PhotometricInterpretation")) == "PALETTE COLOR":
            raise DataError(f"{self.path} has colours by palette, which are for display; they are not read.")
        scales = self._scales()
        stored = self._stored_dtype()
        self._check_claim()
        dtype = np.dtype(np.float64) if any(scales) else stored

        def read(where: tuple[Any, ...]) -> Any:
            if self._frames == 1:
                return self._frame(0, scales[0])[where]
            frames = where[0]
            if isinstance(frames, int):
                return self._frame(frames, scales[frames % len(scales)])[where[1:]]
            chosen = np.arange(self._frames)[frames]
            planes = [self._frame(n, scales[n % len(scales)]) for n in chosen.tolist()]
            return np.stack([plane.astype(dtype)[where[1:]] for plane in planes])

        return LazyArray(self.shape, dtype, read, f"{self.path}:data")

    def about(self) -> About:
        """Units, spacing, and what belongs into the sidecar."""
        header = self.header
        notes: dict[str, Any] = {}
        for name, key in {"modality": "Modality", "photometric": "PhotometricInterpretation"}.items():
            if key in header:
                notes[name] = str(header[key].value)
        if str(header.get("LossyImageCompression", "")) == "01":
            notes["compressed"] = "with loss, before it was stored here"
        places = {
            "position": self._place(0, "PlanePositionSequence", "ImagePositionPatient"),
            "orientation": self._place(0, "PlaneOrientationSequence", "ImageOrientationPatient"),
        }
        notes |= {name: place for name, place in places.items() if place}
        scales = self._scales()
        if any(scales):
            same = all(scale == scales[0] for scale in scales)
            notes["rescale"] = scales[0] if same else scales
        if self._colours:
            notes["color"] = "rgb"
        several = self._frames > 1 and bool(header.get("PerFrameFunctionalGroupsSequence"))
        each = tuple(self.note(frame) for frame in range(self._frames)) if several else ()
        return About(self._units(), self.spacing(), notes, each)

    def note(self, frame: int) -> dict[str, Any]:
        """Position and rescaling of one frame, where the file tells them."""
        place = self._place(frame, "PlanePositionSequence", "ImagePositionPatient")
        scale = self.rescale(frame)
        return {**({"position": place} if place else {}), **({"rescale": scale} if scale else {})}

    def spacing(self) -> tuple[float, ...] | None:
        """mm between rows and between columns; at the detector where the file knows no other."""
        measures = self._functional(0, "PixelMeasuresSequence")
        for group in (measures, self.header):
            for key in ("PixelSpacing", "ImagerPixelSpacing"):
                if group is not None and group.get(key):
                    rows, columns = (float(number) for number in group.get(key))
                    return rows, columns
        return None

    def rescale(self, frame: int) -> dict[str, float]:
        """Slope and intercept of a frame; nothing where they change nothing."""
        group = self._functional(frame, "PixelValueTransformationSequence")
        source = self.header if group is None else group
        if "ModalityLUTSequence" in self.header:
            raise DataError(f"{self.path} has a modality look-up table, which is not read.")
        slope, intercept = (
            default if source.get(key) in (None, "") else float(source.get(key))
            for key, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
        )
        return {} if (slope, intercept) == (1.0, 0.0) else {"slope": slope, "intercept": intercept}

    def _scales(self) -> list[dict[str, float]]:
        """The rescaling of each frame, or the one of all."""
        each = len(self.header.get("PerFrameFunctionalGroupsSequence") or ())
        return [self.rescale(frame) for frame in range(max(1, each))]

    @property
    def _frames(self) -> int:
        return int(self.header.get("NumberOfFrames", 1) or 1)

    @property
    def _colours(self) -> bool:
        return int(self.header.get("SamplesPerPixel", 1) or 1) == 3

    def _stored_dtype(self) -> np.dtype[Any]:
        bits = int(self.header.get("BitsAllocated", 16) or 16)
        if "BitsStored" not in self.header and bits in (32, 64):
            return np.dtype(f"f{bits // 8}")
        return np.dtype(f"{'i' if self.header.get('PixelRepresentation') == 1 else 'u'}{max(bits, 8) // 8}")

    def _check_claim(self) -> None:
        """Refuse a header that claims more pixels than the file can hold; of compressed ones only decoding tells."""
        syntax = getattr(self.header.file_meta, "TransferSyntaxUID", None)
        if syntax is None or not syntax.is_transfer_syntax or syntax.is_compressed:
            return
        bits = int(self.header.get("BitsAllocated", 16) or 16)
        samples = prod(self.shape) * (2 if "422" in str(self.header.get("PhotometricInterpretation")) else 3) // 3
        check_claim(self.path, samples * bits // 8, str(self.path), packed=syntax.is_deflated)

    def _place(self, frame: int, group: str, key: str) -> list[float]:
        """Where a frame lies, of its own or as the file's header says; nothing where neither tells."""
        own = self._functional(frame, group)
        found = own.get(key) if own is not None and key in own else self.header.get(key)
        return [float(number) for number in found or ()]

    def _frame(self, number: int, scale: dict[str, float]) -> np.ndarray[Any, Any]:
        """One frame, colours first."""
        from pydicom.pixels import pixel_array

        pixels: np.ndarray[Any, Any] = pixel_array(self.path, index=number if self._frames > 1 else None)
        pixels = np.moveaxis(pixels, -1, 0) if self._colours else pixels
        return pixels.astype(np.float64) * scale["slope"] + scale["intercept"] if scale else pixels

    def _functional(self, frame: int, name: str) -> Any:
        """A functional group of an enhanced image, a frame's own before the shared one."""
        for groups, place in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
            sequence = self.header.get(groups)
            if sequence and len(sequence) > place and sequence[place].get(name):
                return sequence[place].get(name)[0]
        return None

    def _units(self) -> str:
        group = self._functional(0, "PixelValueTransformationSequence")
        kind = str((self.header if group is None else group).get("RescaleType", "") or "")
        if kind and kind != "US":
            return kind
        units = str(self.header.get("Units", "") or "")
        return units or ("HU" if self.header.get("Modality") == "CT" and self.rescale(0) else "")
