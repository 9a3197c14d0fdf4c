"""What the readers of array containers share: roles, keys, and slices as items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from recon.files.contents import About, ArrayFile, Index, LazyArray, reading
from recon.files.conversion import check_size, did_you_mean, tensor_dtype, to_tensor
from recon.files.item import DataError, Item, ItemRef
from recon.files.paths import find_files, item_ids
from recon.files.reader import Reader
from recon.files.slices import Slices


class Dataset(NamedTuple):
    """Where an array is: its name (None for the only one there is), the element of it, and its file if another one."""

    key: str | None
    element: Index = ()
    file: str | None = None

    def path(self, file: Path) -> Path:
        """The file it is in, ``file`` being that of the data."""
        return file if self.file is None else file.parent / Path(self.file).expanduser()


@dataclass(frozen=True)
class ArrayReader(Reader, ABC):
    """A container of named arrays, one item a file or one item a slice.

    Parameters
    ----------
    path
        File, folder or pattern.
    keys
        Role to dataset: ``{data: exchange/data, angles: exchange/theta}``. The role ``data`` is required and ``truth``
        is the reference image; every other role becomes an entry of ``item.aux``. A dataset is its name, or
        ``{key: name, index: i}`` for one element along its first axis (``[i, j]``: its first two). Indices start at 0.
        ``{file: blank.mat, key: name}`` is one of another file of the format, beside the data's or with an absolute
        path, such as a blank scan; the data themselves come from ``path``.
        Without keys a file must hold a single array, or one called ``data``.
    slices
        ``{axis: 1, index: all}`` makes one item of each slice of the data along an axis, which the slices lose. The
        index may be ``all``, one number, a list of numbers, or a range ``"a:b"`` or ``"a:b:step"`` (b excluded).
    sliced
        Roles that are sliced along with the data, at the same axis; the others, such as angles, go to every item whole.
        Roles that ``keys`` does not name are passed over.

    Attributes
    ----------
    holds_images
        Whether the format is one of images, so that the units of its values are those of the image.
    default_keys
        What ``keys`` is where it is not given; nothing stands for the only array.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    holds_images: ClassVar[bool] = False
    default_keys: ClassVar[Mapping[str, str]] = {}

    path: str
    keys: Mapping[str, str | Mapping[str, Any]] | None = None
    slices: Mapping[str, Any] | None = None
    sliced: Sequence[str] = ("data", "flats", "darks")

    def __post_init__(self) -> None:
        if self.keys is not None and "data" not in self.keys:
            raise ValueError(f"{type(self).__name__} expects keys to name the role data, got {', '.join(self.keys)}.")
        self._datasets()
        if self.slices is not None:
            Slices.parse(self.slices)

    @abstractmethod
    def open(self, path: Path) -> AbstractContextManager[ArrayFile]:
        """Open one container; a :class:`DataError` if it is not of this format."""

    def find(self) -> list[Path]:
        """The containers that ``path`` names, in natural order."""
        return find_files(self.path, self.suffixes)

    def items(self) -> list[ItemRef]:
        found = self.find()
        references: list[ItemRef] = []
        for file, id in zip(found, item_ids(found), strict=True):
            files = tuple(dict.fromkeys((file, *(dataset.path(file) for dataset in self._datasets().values()))))
            if self.slices is None:
                references.append(ItemRef(id, str(file), files, partial(self._load, file, id, None)))
                continue
            try:
                with self.open(file) as container:
                    shape = self._find(container, file, "data").shape
                chosen = Slices.parse(self.slices).choose(shape, str(file))
            except DataError as error:
                references.append(ItemRef(id, str(file), files, partial(_fail, str(error))))
                continue
            for number, name in chosen:
                read = partial(self._load, file, f"{id}-{name}", number)
                references.append(ItemRef(f"{id}-{name}", f"{file} {name}", files, read))
        return references

    def _datasets(self) -> dict[str, Dataset]:
        """Where the array of each role is."""
        if self.keys is None:
            return {role: Dataset(key) for role, key in self.default_keys.items()} or {"data": Dataset(None)}
        return {role: _dataset(role, spec, type(self).__name__) for role, spec in self.keys.items()}

    def _find(self, container: ArrayFile, file: Path, role: str) -> Any:
        """The array of a role, its values not necessarily read."""
        key, index, _ = self._datasets()[role]
        if key is None:
            key = container.main()
            if key is None:
                listing = _listed(container.names())
                if not container.names():
                    raise DataError(f"{file} holds no arrays.")
                raise DataError(f"{file} holds {listing}; say which is the {role} with keys: {{{role}: name}}.")
        try:
            return container.array(key, index)
        except KeyError:
            names = container.names()
            raise DataError(f"{file} has no {key!r}; it holds {_listed(names)}{did_you_mean(key, names)}") from None
        except IndexError as error:
            raise DataError(f"{file}:{key} has no element {list(index)}: {error}.") from None

    def _load(self, file: Path, id: str, number: int | None) -> Item:
        slice_name = f" {id.rsplit('-', 1)[-1]}" if number is not None else ""
        tensors: dict[str, Tensor] = {}
        converted: dict[str, str] = {}
        datasets = self._datasets()
        with ExitStack() as stack:
            places = {dataset.path(file) for dataset in datasets.values()}
            for missing in sorted(str(place) for place in places if not place.exists()):
                raise DataError(f"{missing}, which keys ask for, does not exist.")
            opened = {place: stack.enter_context(self.open(place)) for place in places}
            found = {
                role: self._find(opened[dataset.path(file)], dataset.path(file), role)
                for role, dataset in datasets.items()
            }
            about = self._about(opened[file], len(found["data"].shape), number)
            for role, values in found.items():
                where: tuple[Any, ...] = ()
                if number is not None and role in self.sliced:
                    slices = Slices.parse(self.slices or {})
                    where = slices.select(number, found["data"].shape, values.shape, f"{role} of {file}")
                place, key = datasets[role].path(file), datasets[role].key
                source = f"{place}:{key}{slice_name}" if key else f"{place}{slice_name}"
                keep_bool = role not in ("data", "truth")
                stored = values.dtype
                check_size([size for n, size in enumerate(values.shape) if n != len(where) - 1], stored, source)
                own = isinstance(values, LazyArray)
                tensors[role] = to_tensor(values[where], source, keep_bool=keep_bool, own=own)
                if (read := tensor_dtype(stored, source, keep_bool=keep_bool)) != stored:
                    converted[role] = f"{stored.name} read as {read.name}"
        return Item(
            id=id,
            source=f"{file}{slice_name}",
            data=tensors.pop("data"),
            truth=tensors.pop("truth", None),
            aux=tensors,
            units=about.units if self.holds_images else "",
            meta=_noted(about, converted, len(found["data"].shape) - (number is not None)),
        )

    def _about(self, container: ArrayFile, ndim: int, number: int | None) -> About:
        """What the container says of the data, or of one slice of them."""
        key, index, _ = self._datasets()["data"]
        name = key or container.main() or ""
        with reading(f"What the file says of {name} cannot be understood"):
            about = container.about(name)
        if index and about != About():
            shape = container.array(name, ()).shape
            for axis, element in enumerate(index):
                about = about.along(0, len(shape) - axis, element % shape[axis])
        if number is None or self.slices is None:
            return about
        return about.along(Slices.parse(self.slices).axis, ndim, number)


def _noted(about: About, converted: Mapping[str, str], ndim: int) -> dict[str, Any]:
    """What goes into the sidecar; of colours only where they are the first of three axes."""
    spacing = {} if about.spacing_mm is None else {"spacing_mm": list(about.spacing_mm)}
    notes = {key: note for key, note in about.notes.items() if key != "color" or ndim == 3}
    return {**notes, **spacing, **({"converted": dict(converted)} if converted else {})}


def _dataset(role: str, spec: str | Mapping[str, Any], owner: str) -> Dataset:
    if isinstance(spec, str):
        return Dataset(spec)
    known = {"key", "index"} if role == "data" else {"key", "index", "file"}
    texts = [spec[name] for name in ("key", "file") if name in spec] if isinstance(spec, Mapping) else []
    if not texts or not all(isinstance(text, str) for text in texts) or set(spec) - known:
        forms = "{key: name, index: i}" if role == "data" else "{key: name, index: i, file: path}"
        raise ValueError(f"{owner} expects keys.{role} to be a dataset name or {forms}, got {spec!r}.")
    if "key" not in spec and "index" in spec:
        raise ValueError(f"{owner} expects a key with the index of keys.{role}, got {spec!r}.")
    index = spec.get("index", ())
    index = (index,) if isinstance(index, int) else tuple(index)
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in index):
        raise ValueError(f"{owner} expects the index of keys.{role} to be integers, got {spec['index']!r}.")
    return Dataset(spec.get("key"), index, spec.get("file"))


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:12]) or "no arrays"
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def _fail(message: str) -> Item:
    raise DataError(message)
