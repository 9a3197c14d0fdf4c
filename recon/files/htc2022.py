"""The fan-beam scans of the Helsinki Tomography Challenge 2022."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from recon.files.item import DataError, Item, ItemRef
from recon.files.mat import Mat
from recon.files.paths import find_files, item_ids
from recon.files.reader import Reader
from recon.files.scan import Scan

_STRUCTS = ("CtDataFull", "CtDataLimited", "CtData")
_RESULTS = ("_recon_fbp", "_recon_fbp_seg")
_PIXELS = (512, 512)
_PARAMETERS = {
    "angles": "angles",
    "source_to_axis": "distanceSourceOrigin",
    "source_to_detector": "distanceSourceDetector",
    "pitch": "pixelSizePost",
    "pixel": "effectivePixelSizePost",
    "bins": "numDetectorsPost",
}


@dataclass(frozen=True)
class HTC2022(Reader):
    """MATLAB files of the challenge: line integrals, angles and geometry, whole scans and limited ones.

    Each file holds a struct ``CtDataFull`` or ``CtDataLimited`` with the sinogram, (angles, bins), and its parameters
    ``distanceSourceOrigin`` and ``distanceSourceDetector`` in mm, ``pixelSizePost`` (of the detector, mm),
    ``effectivePixelSizePost`` (on the axis, mm), ``numDetectorsPost`` and ``angles`` in degrees. An item brings the
    geometry of a :class:`~recon.operators.FanBeam` with it, for ``geometry: from-file``, and the grid of the challenge,
    512 × 512 pixels of ``effectivePixelSizePost``.

    The challenge's images have their y axis upwards. So that pictures come out as it shows them, the bins are read in
    reverse and an angle α of the file becomes θ = π − α; to choose views of a file by number, use the step ``views``.

    Parameters
    ----------
    path
        File, folder or pattern; of a folder, the reference reconstructions are not taken for scans.
    reference
        Whether the challenge's own reconstruction of the full scan, ``NAME_recon_fbp.mat``, is the truth where it lies
        beside the data. It is in 1/pixel there and brought to 1/mm; outside the circle that its image just holds,
        where the challenge has air and that reconstruction artefacts of its own, it is set to 0.

    Source: A. Meaney, F. Silva de Moura, M. Juvonen, S. Siltanen, Helsinki Tomography Challenge 2022, Zenodo
    8041800.
    """

    names: ClassVar[tuple[str, ...]] = ("htc2022",)
    geometries: ClassVar[tuple[str, ...]] = ("fan_beam",)
    angles_in_radians: ClassVar[bool] = True

    path: str
    reference: bool = True

    def items(self) -> list[ItemRef]:
        found = find_files(self.path, Mat.suffixes)
        files = [file for file in found if not file.stem.endswith(_RESULTS)]
        if not files:
            raise DataError(f"{self.path} names reference reconstructions only, and no scan.")
        references = []
        for file, id in zip(files, item_ids(files), strict=True):
            beside = file.with_name(f"{file.stem}_recon_fbp.mat")
            truth = beside if self.reference and beside.is_file() else None
            read = partial(_load, file, id, truth)
            references.append(ItemRef(id, str(file), (file, truth) if truth is not None else (file,), read))
        return references


def _load(file: Path, id: str, reference: Path | None) -> Item:
    struct = _struct(file)
    names = {role: f"{struct}.parameters.{name}" for role, name in _PARAMETERS.items()}
    found = Mat(str(file), keys={"data": f"{struct}.sinogram", **names}).items()[0].load()
    angles = torch.deg2rad(found.aux["angles"].double().reshape(-1))
    number = {role: _number(value, f"{file}:{names[role]}") for role, value in found.aux.items() if role != "angles"}
    if tuple(found.data.shape) != (angles.numel(), number["bins"]):
        raise DataError(
            f"{file} has a sinogram of shape {tuple(found.data.shape)}, but {angles.numel()} angles and "
            f"{number['bins']:g} bins."
        )
    geometry = {role: number[role] for role in ("source_to_axis", "source_to_detector", "pitch")}
    return Item(
        id,
        str(file),
        found.data.flip(-1),
        {"angles": torch.pi - angles},
        None if reference is None else _reference(reference) / number["pixel"],
        "1/mm",
        {"angles_unit": "rad"},
        Scan({"name": "fan_beam", **geometry}, {"shape": list(_PIXELS), "spacing": number["pixel"]}),
    )


def _struct(file: Path) -> str:
    """Which of the challenge's variables the file holds."""
    with Mat(str(file)).open(file) as variables:
        names = {name.partition(".")[0] for name in variables.names()}
    found = next((name for name in _STRUCTS if name in names), None)
    if found is None:
        have = ", ".join(sorted(names)) or "nothing"
        raise DataError(f"{file} is no scan of the challenge: it holds {have}, not {' or '.join(_STRUCTS[:2])}.")
    return found


def _reference(file: Path) -> Tensor:
    image = Mat(str(file), keys={"data": "reconFullFbp"}).items()[0].load().data
    if tuple(image.shape) != _PIXELS:
        raise DataError(f"{file} has a reconstruction of shape {tuple(image.shape)}, not {_PIXELS}.")
    place = torch.linspace(-1, 1, _PIXELS[0], dtype=torch.float64)
    return torch.where(torch.hypot(place[:, None], place) <= 1, image, 0)


def _number(value: Tensor, source: str) -> float:
    if value.numel() != 1 or not float(value) > 0:
        raise DataError(f"{source} holds {value.tolist()}, not one positive number.")
    return float(value)
