"""Photographs and image stacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from recon.files.conversion import check_size, to_tensor
from recon.files.item import DataError, Item, ItemRef
from recon.files.paths import find_files, item_ids
from recon.files.pixels import count_pages, read_page
from recon.files.reader import Reader

_LUMA = (0.299, 0.587, 0.114)
_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True)
class Images(Reader):
    """PNG, TIFF, JPEG and BMP images of 1 to 32 bits, stacks of pages among them.

    A grey image becomes (H, W), a colour image (3, H, W), a volume of pages has the pages first.

    Parameters
    ----------
    path
        File, folder or pattern.
    color
        ``"gray"`` makes every image grey, by the luma 0.299 R + 0.587 G + 0.114 B of ITU-R BT.601; ``"rgb"`` gives
        every image three colours; ``"as-is"`` keeps what the file has, transparency too.
    pages
        The pages of a TIFF: ``"items"``, one each, or ``"volume"``, all in one item.
    scale
        ``"dtype"`` divides integers by the largest of their type, so that they fill [0, 1], and leaves floating-point
        images alone; a number multiplies the stored values: 1 keeps them, 2.442e-4 brings 12 bits to [0, 1].
    truth
        A file or folder of true images: the one of the same name (any ending) as the measured one, or of the same
        page, or the only one there is.

    Raises
    ------
    DataError
        When an item is loaded: an unreadable or unsupported image, transparency where there must be none, pages of
        different sizes in a volume, a missing true image.
    """

    names: ClassVar[tuple[str, ...]] = ("images", "folder")

    path: str
    color: Literal["gray", "rgb", "as-is"] = "gray"
    pages: Literal["items", "volume"] = "items"
    scale: float | Literal["dtype"] = "dtype"
    truth: str | None = None

    def __post_init__(self) -> None:
        if self.color not in ("gray", "rgb", "as-is"):
            raise ValueError(f"Images expects color 'gray', 'rgb' or 'as-is', got {self.color!r}.")
        if self.pages not in ("items", "volume"):
            raise ValueError(f"Images expects pages 'items' or 'volume', got {self.pages!r}.")
        number = isinstance(self.scale, (int, float)) and not isinstance(self.scale, bool)
        if self.scale != "dtype" and not (number and isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"Images expects scale 'dtype' or a positive number, got {self.scale!r}.")

    def items(self) -> list[ItemRef]:
        files = find_files(self.path, _SUFFIXES)
        truths = find_files(self.truth, _SUFFIXES) if self.truth is not None else []
        references = []
        for file, id in zip(files, item_ids(files), strict=True):
            truth = _partner(file, truths, alone=len(files) == 1)
            inputs = (file, truth) if truth is not None else (file,)
            count = _pages_or_one(file) if self.pages == "items" else 1
            if count == 1:
                references.append(ItemRef(id, str(file), inputs, partial(self._load, file, id, None, truth)))
                continue
            for page in range(count):
                name = f"{id}-{page:0{max(4, len(str(count - 1)))}d}"
                read = partial(self._load, file, name, page, truth)
                references.append(ItemRef(name, f"{file} page {page}", inputs, read))
        return references

    def _load(self, file: Path, id: str, page: int | None, truth: Path | None) -> Item:
        if self.truth is not None and truth is None:
            raise DataError(f"{self.truth} holds no true image named {file.stem} for {file}.")
        data, meta = self._image(file, page)
        reference = None
        if truth is not None:
            several = page is not None and count_pages(truth) > 1
            reference, _ = self._image(truth, page if several else None)
        source = str(file) if page is None else f"{file} page {page}"
        return Item(id=id, source=source, data=data, truth=reference, meta=meta)

    def _image(self, file: Path, page: int | None) -> tuple[Tensor, Mapping[str, Any]]:
        """One image or volume, and what is known about its values."""
        count = count_pages(file) if self.pages == "volume" else 1
        numbers = range(count) if count > 1 else [page or 0]
        first = read_page(file, numbers[0])
        dtype = first.dtype
        top = 1 if dtype.kind == "b" else int(np.iinfo(dtype).max) if dtype.kind in "iu" else None
        divisor = float(top or 1) if self.scale == "dtype" else 1 / float(self.scale)
        image = self._colored(to_tensor(first, str(file)), file, top)
        colours = image.ndim == 3 and image.shape[0] == 3
        if count > 1:
            check_size((count, *image.shape), image.numpy().dtype, str(file))
            image = torch.stack([image]).repeat(count, *[1] * image.ndim)
        for number in numbers[1:]:
            page_values = read_page(file, number)
            if (page_values.shape, page_values.dtype) != (first.shape, dtype):
                raise DataError(
                    f"{file} has pages of different sizes or types, so they make no volume; use pages: items."
                )
            image[number] = self._colored(to_tensor(page_values, str(file)), file, top)
        meta: dict[str, Any] = {"input_scale": 1 / divisor}
        if top is not None and dtype.kind != "i":
            meta["value_range"] = (0.0, top / divisor)
        if colours and count == 1:
            meta["color"] = "rgb"
        return image.div_(divisor), meta

    def _colored(self, image: Tensor, file: Path, top: int | None) -> Tensor:
        """(H, W) or (H, W, channels) to what ``color`` asks for, channels first."""
        if image.ndim == 3:
            image = image.movedim(-1, 0)
        if self.color == "as-is":
            return image.contiguous()
        if image.ndim == 3 and image.shape[0] in (2, 4):
            opaque = top if top is not None else 1.0
            if not bool((image[-1] == opaque).all()):
                raise DataError(f"{file} is partly transparent; flatten it first, or read it with color: as-is.")
            image = image[:-1]
        if image.ndim == 3 and image.shape[0] == 1:
            image = image[0]
        if image.ndim == 3 and image.shape[0] != 3:
            raise DataError(f"{file} has {image.shape[0]} channels; only color: as-is reads it.")
        if self.color == "rgb":
            return image.contiguous() if image.ndim == 3 else image.expand(3, *image.shape).contiguous()
        if image.ndim == 2:
            return image.contiguous()
        gray: Tensor = torch.tensordot(torch.tensor(_LUMA, dtype=image.dtype), image, dims=1)
        return gray


def _partner(file: Path, truths: list[Path], alone: bool) -> Path | None:
    """The true image that belongs to a file."""
    named = [truth for truth in truths if truth.stem == file.stem]
    if named:
        return named[0]
    return truths[0] if len(truths) == 1 and alone else None


def _pages_or_one(file: Path) -> int:
    """Pages of a file; one for a file that cannot be opened, which says so when it is loaded."""
    try:
        return count_pages(file)
    except DataError:
        return 1
