"""How a measurement was made, as its file tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scan:
    """The geometry of a scan by name and parameters, as a job would write it; ``geometry: from-file`` takes it up.

    What belongs to single views (``angles`` in radians, or the ``sources``, ``detectors``, ``directions``, ``u`` and
    ``v`` of a vector geometry) stands in ``item.aux`` under the parameter's name, so that steps that choose views cut
    it along with the data; the number of bins and rows follows from the data.

    Parameters
    ----------
    geometry
        ``{"name": "fan_beam", "source_to_axis": 410.66, ...}``, lengths in mm.
    volume
        Parameters of the image's grid where the file says them, ``{"shape": (512, 512), "spacing": 0.148}``.
    """

    geometry: Mapping[str, Any]
    volume: Mapping[str, Any] = field(default_factory=dict)
