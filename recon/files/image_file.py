"""An image file as a container of arrays, for looking into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recon.files.contents import About, ArrayFile, Index, LazyArray, element, reading
from recon.files.pixels import check_chain, kind_of, read_page


class ImageFile(ArrayFile):
    """``data``, all pages of an image, channels last; ``page 0`` and so on where they differ in size or type."""

    def __init__(self, path: Path) -> None:
        self.path, self.kind = path, kind_of(path)
        self.pages = self._pages()
        self.alike = len(set(self.pages)) == 1

    def _pages(self) -> list[tuple[tuple[int, ...], Any]]:
        """Shape and type of every page; those of a TIFF from its headers."""
        if self.kind != "tiff":
            pixels = read_page(self.path)
            return [(pixels.shape, pixels.dtype)]
        import tifffile

        with reading(f"{self.path} is not a readable TIFF image"), tifffile.TiffFile(self.path) as tiff:
            check_chain(tiff, self.path)
            return [_stored(page) for page in tiff.pages]

    def names(self) -> list[str]:
        return ["data"] if self.alike else [f"page {number}" for number in range(len(self.pages))]

    def main(self) -> str | None:
        return self.names()[0]

    def array(self, name: str, index: Index) -> Any:
        if name not in self.names():
            raise KeyError(name)
        number = 0 if self.alike else int(name.removeprefix("page "))
        shape, dtype = self.pages[number]
        source = f"{self.path}:{name}"
        if not self.alike or len(self.pages) == 1:
            read = lambda where: read_page(self.path, number)[where]  # noqa: E731
            return element(LazyArray(shape, dtype, read, source), index)
        return element(LazyArray((len(self.pages), *shape), dtype, self._stack, source), index)

    def _stack(self, where: tuple[Any, ...]) -> Any:
        import numpy as np

        if isinstance(where[0], int):
            return read_page(self.path, where[0])[where[1:]]
        return np.stack([read_page(self.path, int(n))[where[1:]] for n in np.arange(len(self.pages))[where[0]]])

    def about(self, name: str) -> About:
        shape, _ = self.pages[0 if self.alike else int(name.removeprefix("page "))]
        channels = {"channels": shape[-1]} if len(shape) == 3 else {}
        return About(notes={"kind": self.kind.upper(), **channels})


def _stored(page: Any) -> tuple[tuple[int, ...], Any]:
    """As :func:`~recon.files.pixels.read_page` gives the page."""
    import numpy as np

    shape = tuple(page.shape)
    if page.photometric == 3:  # a palette becomes colours
        steps = page.colormap % 257, page.colormap % 256
        deep = all(step.any() for step in steps)
        return (*shape, 3), np.dtype(np.uint16 if deep else np.uint8)
    return (*shape[1:], shape[0]) if page.axes == "SYX" else shape, np.dtype(page.dtype)
