"""What the readers hand to the rest of the program, one measurement at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from recon.files.scan import Scan


class DataError(Exception):
    """Something is wrong with a file or with the numbers in it, said in one sentence."""


@dataclass(frozen=True, eq=False)
class Item:
    """One measurement and everything known about it; never changed, only replaced.

    Attributes
    ----------
    id
        Unique within the job and safe as a file name: ``scan``, ``scan-slice003``, ``stack-0001``.
    source
        Where it came from, for messages and sidecars: ``scans/tooth.h5:exchange/data[:, 0]``.
    data
        The measured data: float32 or complex64, or double precision where the file holds more.
    aux
        Other arrays by role: ``flats``, ``darks``, ``angles`` (radians once the step ``angles`` has seen them),
        ``mask``, ``coil_maps``, ``psf``, ...
    truth
        The true image where it is known.
    units
        Units of the image in its original scale, such as ``"1/mm"``; empty where unknown.
    scan
        The geometry of the scan where the file tells it.
    meta
        What reading and preprocessing decided; it goes into the sidecar. Entries that other parts read:

        ``scale``
            The factor by which ``data`` and ``truth`` were multiplied; see :meth:`restored`.
        ``value_range``
            Nominal range ``(low, high)`` of the numbers as read, (0, 1) for an 8-bit photograph: where the data are an
            image, the window of pictures and the data range of metrics.
        ``color``
            ``"rgb"`` where the first axis of ``data`` holds the three colours.
        ``axis_offset_px``
            Position of the rotation axis on the detector; see :class:`recon.preprocess.RotationAxis`.
        ``angles_unit``
            ``"rad"`` once the angles are in radians.
        ``views``
            Which views of how many are left, ``{"of": 720, "kept": [0, 12, ...]}``; see
            :class:`recon.preprocess.Views`.
    """

    id: str
    source: str
    data: Tensor
    aux: Mapping[str, Tensor] = field(default_factory=dict)
    truth: Tensor | None = None
    units: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    scan: Scan | None = None

    def __repr__(self) -> str:
        arrays = {"data": self.data, "truth": self.truth, **self.aux}
        shapes = ", ".join(f"{role}={tuple(value.shape)}" for role, value in arrays.items() if value is not None)
        return f"Item({self.id!r}, {shapes})"

    def changed(
        self, *, aux: Mapping[str, Tensor] | None = None, meta: Mapping[str, Any] | None = None, **rest: Any
    ) -> Item:
        """A copy with some fields replaced; ``aux`` and ``meta`` are added to what is there."""
        return replace(self, aux={**self.aux, **(aux or {})}, meta={**self.meta, **(meta or {})}, **rest)

    def array(self, role: str) -> Tensor:
        """The array of a role: ``"data"``, ``"truth"`` or a key of ``aux``; a :class:`DataError` if there is none."""
        found = {"data": self.data, "truth": self.truth, **self.aux}.get(role)
        if found is None:
            have = ["data", *(["truth"] if self.truth is not None else []), *sorted(self.aux)]
            raise DataError(f"{self.source} has no {role!r}; it has {', '.join(have)}; name its dataset in input.keys.")
        return found

    def with_arrays(self, arrays: Mapping[str, Tensor]) -> Item:
        """A copy with the arrays of some roles replaced, ``"data"`` and ``"truth"`` among them."""
        aux = {role: value for role, value in arrays.items() if role not in ("data", "truth")}
        return self.changed(aux=aux, data=arrays.get("data", self.data), truth=arrays.get("truth", self.truth))

    def restored(self, image: Tensor) -> Tensor:
        """An image reconstructed from ``data``, back in original units: image / ``meta["scale"]``.

        Right for every linear operator, and for the truth, which the steps scale along with the data.
        """
        scale = float(self.meta.get("scale", 1.0))
        return image if scale == 1.0 else image / scale


@dataclass(frozen=True)
class ItemRef:
    """An item that has not been read yet.

    Attributes
    ----------
    id, source
        As in the :class:`Item`.
    files
        The files that :meth:`load` will read.
    read
        Called by :meth:`load`.
    """

    id: str
    source: str
    files: tuple[Path, ...]
    read: Callable[[], Item] = field(repr=False, compare=False)

    def load(self) -> Item:
        """Read the item; a :class:`DataError` if that is not possible."""
        return self.read()
