"""The simulated low-dose scans of LoDoPaB-CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import pi, sqrt
from pathlib import Path
from typing import ClassVar

import torch

from recon.files.hdf5 import Hdf5
from recon.files.item import DataError, Item, ItemRef
from recon.files.paths import find_files
from recon.files.reader import Reader
from recon.files.scan import Scan
from recon.files.slices import Slices

_ANGLES, _BINS, _PIXELS = 1000, 513, 362
_SIDE = 260.0
"""Of the image, in mm."""
_MU_MAX = 0.08135858
"""Attenuation that the files' images count as 1, in 1/mm; their line integrals are in multiples of it times a metre."""


@dataclass(frozen=True)
class LoDoPaB(Reader):
    """Line integrals of low dose (1000 angles, 513 bins) and their true images (362, 362), an item each.

    Beside ``observation_*.hdf5`` lie ``ground_truth_*.hdf5``; without them there is no truth. The files' numbers are
    normalised by the attenuation 81.35858/m; here they are brought back to line integrals without unit and images in
    1/mm, and the sidecar has the factors as ``input_scale`` and ``truth_scale``. Items bring the geometry of a
    :class:`~recon.operators.ParallelBeam` with them, for ``geometry: from-file``: 1000 angles over half a turn, 513
    bins over the diagonal of the image of 260 mm. The first axis of the files' images is x and the angle of their view
    a is (a + ½) π/1000, so that θ = π/2 − (a + ½) π/1000 with the rows of an image along y.

    Parameters
    ----------
    path
        File, folder or pattern of observations; of a folder, the ground truths are not taken for scans.
    slices
        Scans of a file to make an item of each: ``all``, a number, a list of numbers, or a range ``"a:b"`` (b left
        out).

    Source: J. Leuschner et al., LoDoPaB-CT, a benchmark dataset for low-dose computed tomography reconstruction,
    Sci. Data 8 (2021) 109.
    """

    names: ClassVar[tuple[str, ...]] = ("lodopab",)
    geometries: ClassVar[tuple[str, ...]] = ("parallel_beam",)
    angles_in_radians: ClassVar[bool] = True

    path: str
    slices: int | Sequence[int] | str = "all"

    def __post_init__(self) -> None:
        Slices.parse({"axis": 0, "index": self.slices})

    def items(self) -> list[ItemRef]:
        files = [file for file in find_files(self.path, Hdf5.suffixes) if "ground_truth" not in file.name]
        if not files:
            raise DataError(f"{self.path} names ground truths only, and no observation.")
        slices = {"axis": 0, "index": self.slices}
        references = []
        for file in files:
            beside = file.with_name(file.name.replace("observation", "ground_truth"))
            truth = beside if beside != file and beside.is_file() else None
            for ref in Hdf5(str(file), keys={"data": "data"}, slices=slices).items():
                both = ref.files if truth is None else (*ref.files, truth)
                references.append(replace(ref, files=both, read=partial(_load, ref, truth)))
        return references


def _load(ref: ItemRef, truth: Path | None) -> Item:
    item = ref.load()
    if tuple(item.data.shape) != (_ANGLES, _BINS):
        raise DataError(f"{item.source} has data of shape {tuple(item.data.shape)}, not {(_ANGLES, _BINS)}.")
    image = None
    if truth is not None:
        number = int(item.id.rpartition("-slice")[2])
        image = Hdf5(str(truth), keys={"data": {"key": "data", "index": number}}).items()[0].load().data
        if tuple(image.shape) != (_PIXELS, _PIXELS):
            raise DataError(f"{truth} has images of shape {tuple(image.shape)}, not {(_PIXELS, _PIXELS)}.")
        image = image * _MU_MAX
    view = torch.arange(_ANGLES, dtype=torch.float64)
    scale = 1000 * _MU_MAX
    return replace(
        item,
        data=item.data * scale,
        truth=image,
        aux={"angles": pi / 2 - (view + 0.5) * pi / _ANGLES},
        units="1/mm",
        meta={**item.meta, "angles_unit": "rad", "input_scale": scale, "truth_scale": _MU_MAX},
        scan=Scan(
            {"name": "parallel_beam", "pitch": sqrt(2) * _SIDE / _BINS},
            {"shape": [_PIXELS, _PIXELS], "spacing": _SIDE / _PIXELS},
        ),
    )
