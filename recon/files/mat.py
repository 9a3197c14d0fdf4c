"""MATLAB files of every version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import ArrayFile, Index, LazyArray, brief, element
from recon.files.hdf5 import resolved
from recon.files.item import DataError


@dataclass(frozen=True)
class Mat(ArrayReader):
    """Variables of a MATLAB file, version 4 to 7.2 through SciPy and 7.3 (which is HDF5) through h5py.

    A field of a struct is ``CtData.parameters.angles``. An element of a cell array is ``{key: kernels, index: 3}``,
    counted from 0 in MATLAB's order (down the columns), or ``[row, column]``. Axes are in MATLAB's order in both
    versions: an image of size [480 640] has shape (480, 640). 1 × N and N × 1 arrays are vectors, of shape (N,).
    The parameters are those of :class:`~recon.files.arrays.ArrayReader`.
    """

    names: ClassVar[tuple[str, ...]] = ("mat", "matlab")
    suffixes: ClassVar[tuple[str, ...]] = (".mat",)

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        import h5py

        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                yield _Variables(path, _Hdf5Tree(file))
        else:
            yield _Variables(path, _SciPyTree(path))


class _Tree(Protocol):
    """The variables of a file and what is inside them; nodes are whatever the library gives."""

    variables: list[str]

    def root(self, name: str) -> Any:
        """The node of a variable."""

    def fields(self, node: Any) -> dict[str, Any]:
        """The members of a struct; empty for everything else."""

    def cells(self, node: Any) -> np.ndarray[Any, Any] | None:
        """The nodes in a cell array, in MATLAB's axes; None for everything else."""

    def values(self, node: Any, source: str) -> Any:
        """The numbers of an array, in MATLAB's axes, not necessarily read."""

    def shallow(self, name: str) -> bool:
        """Whether a variable has no fields for sure, without reading it."""


@dataclass(frozen=True)
class _Variables(ArrayFile):
    path: Path
    tree: _Tree

    def names(self) -> list[str]:
        found: list[str] = []
        for name in self.tree.variables:
            if self.tree.shallow(name):
                found.append(name)
            else:
                self._collect(name, self.tree.root(name), found)
        return found

    def _collect(self, name: str, node: Any, found: list[str]) -> None:
        fields = self.tree.fields(node)
        for field, member in fields.items():
            self._collect(f"{name}.{field}", member, found)
        if not fields:
            found.append(name)

    def array(self, name: str, index: Index) -> Any:
        first, *rest = name.replace("/", ".").split(".")
        if first not in self.tree.variables:
            raise KeyError(name)
        source = f"{self.path}:{name}"
        node = self.tree.root(first)
        for part in rest:
            node = self.tree.fields(node)[part]
        if self.tree.fields(node):
            raise DataError(f"{source} is a struct; name one of its fields: {', '.join(self.tree.fields(node))}.")
        cells = self.tree.cells(node)
        if cells is not None:
            if len(index) not in (1, cells.ndim):
                raise DataError(
                    f"{source} is a cell array of {'×'.join(map(str, cells.shape))}; "
                    f"choose one cell with {{key: {name}, index: 0}}."
                )
            node = cells.reshape(-1, order="F")[index[0]] if len(index) == 1 else cells[index]
            index = ()
        return element(_vector(self.tree.values(node, source)), index)


def _vector(values: Any) -> Any:
    """1 × N and N × 1 as (N,), 1 × 1 as ()."""
    if len(values.shape) != 2 or 1 not in values.shape:
        return values
    if not isinstance(values, LazyArray):
        return values.reshape(-1) if values.size != 1 else values.reshape(())
    if values.shape[0] == 1:
        return values.at((0, 0) if values.shape == (1, 1) else (0,))
    return LazyArray(values.shape[:1], values.dtype, lambda where: values.read((*where, 0)), values.source)


class _SciPyTree:
    """Versions 4 to 7.2."""

    def __init__(self, path: Path) -> None:
        from scipy.io import whosmat

        self.path = path
        self.read: dict[str, Any] = {}
        try:
            self.declared = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        except Exception as error:  # SciPy lets many kinds through on a broken file
            raise DataError(f"{path} is not a readable MATLAB file ({brief(error)}).") from None
        self.variables = list(self.declared)

    def shallow(self, name: str) -> bool:
        return bool(self.declared[name][1] != "struct")

    def root(self, name: str) -> Any:
        from scipy.io import loadmat

        try:
            if name not in self.read:
                self.read[name] = loadmat(self.path, variable_names=[name])[name]
            return self.read[name]
        except Exception as error:
            raise DataError(f"{self.path}:{name} cannot be read ({brief(error)}).") from None

    def fields(self, node: Any) -> dict[str, Any]:
        names = getattr(getattr(node, "dtype", None), "names", None) or ()
        return {name: node.reshape(-1)[0][name] for name in names} if names and node.size == 1 else {}

    def cells(self, node: Any) -> np.ndarray[Any, Any] | None:
        return node if getattr(getattr(node, "dtype", None), "kind", "") == "O" else None

    def values(self, node: Any, source: str) -> np.ndarray[Any, Any]:
        if not isinstance(node, np.ndarray):
            raise DataError(f"{source} is a sparse matrix or an object of a class, not an array of numbers.")
        return node


class _Hdf5Tree:
    """Version 7.3: HDF5 with the axes reversed, cells as references, structs as groups."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.variables = [name for name in file if not name.startswith("#") and resolved(file, name) is not None]

    def shallow(self, name: str) -> bool:
        return not self.fields(self.root(name))

    def root(self, name: str) -> Any:
        return self.file[name]

    def fields(self, node: Any) -> dict[str, Any]:
        import h5py

        return dict(node) if isinstance(node, h5py.Group) and "MATLAB_sparse" not in node.attrs else {}

    def cells(self, node: Any) -> np.ndarray[Any, Any] | None:
        if self._class(node) != "cell":
            return None
        references = node[()].T
        nodes = np.empty(references.shape, dtype=object)
        for position in np.ndindex(references.shape):
            nodes[position] = self.file[references[position]]
        return nodes

    def values(self, node: Any, source: str) -> LazyArray:
        import h5py

        if not isinstance(node, h5py.Dataset) or self._class(node) == "char":
            raise DataError(f"{source} is text, a sparse matrix or a struct array, not an array of numbers.")
        if "MATLAB_empty" in node.attrs:
            raise DataError(f"{source} is empty.")
        dtype, logical = node.dtype, self._class(node) == "logical"
        parts = dtype.fields if dtype.names == ("real", "imag") else None
        if parts is not None:
            dtype = np.dtype(f"c{2 * parts['real'][0].itemsize}")

        def read(where: tuple[Any, ...]) -> np.ndarray[Any, Any]:
            values = np.asarray(node[where])
            if parts is not None:
                whole = np.empty(values.shape, dtype)
                whole.real, whole.imag = values["real"], values["imag"]
                return whole
            return values.astype(bool) if logical else values

        return LazyArray(tuple(node.shape), np.dtype(bool) if logical else dtype, read, source).T

    @staticmethod
    def _class(node: Any) -> str:
        name = node.attrs.get("MATLAB_class", b"")
        return name.decode() if isinstance(name, bytes) else str(name)
