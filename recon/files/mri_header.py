"""The XML header of ISMRMRD, which fastMRI's files have too."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from recon.files.contents import brief
from recon.files.item import DataError


def read_mri_header(text: bytes | str, source: str) -> dict[str, Any]:
    """What the header says of encoding and sequence, for the sidecar: matrices, fields of view in mm, field strength.

    Keys are ``encoded`` and ``reconstructed`` with ``matrix`` and ``fov_mm`` as (z, y, x), x along the readout,
    ``oversampling`` of the readout, the ratio of both fields of view, ``trajectory``, ``limits`` of encoding steps
    (minimum, centre, maximum), ``receiver_noise_bandwidth`` (relative), ``field_strength_T``, ``TR_ms`` and ``TE_ms``;
    what the header leaves out is missing.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DataError(f"{source} is not a readable ISMRMRD header ({brief(error)}).") from None
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    found: dict[str, Any] = {}
    encoding = root.find("encoding")
    if encoding is not None:
        for name, space in {"encoded": "encodedSpace", "reconstructed": "reconSpace"}.items():
            matrix, fov = (_triple(encoding.find(f"{space}/{what}")) for what in ("matrixSize", "fieldOfView_mm"))
            if matrix and fov:
                found[name] = {"matrix": [int(n) for n in matrix], "fov_mm": fov}
        trajectory = encoding.findtext("trajectory")
        if trajectory:
            found["trajectory"] = trajectory.strip()
        limits = {}
        for node in encoding.findall("encodingLimits/*"):
            numbers = [node.findtext(key) for key in ("minimum", "center", "maximum")]
            if all(numbers):
                limits[node.tag] = [int(n or 0) for n in numbers]
        if limits:
            found["limits"] = limits
    spaces = [found.get(name) for name in ("encoded", "reconstructed")]
    if spaces[0] and spaces[1] and spaces[1]["fov_mm"][-1] > 0:
        found["oversampling"] = spaces[0]["fov_mm"][-1] / spaces[1]["fov_mm"][-1]
    ratio = root.findtext("acquisitionSystemInformation/relativeReceiverNoiseBandwidth")
    if ratio and float(ratio) > 0:
        found["receiver_noise_bandwidth"] = float(ratio)
    field = root.findtext("acquisitionSystemInformation/systemFieldStrength_T")
    if field:
        found["field_strength_T"] = float(field)
    for key, name in {"TR": "TR_ms", "TE": "TE_ms"}.items():
        times = [float(node.text or "nan") for node in root.findall(f"sequenceParameters/{key}")]
        if times:
            found[name] = times[0] if len(times) == 1 else times
    return found


def spacing_of(header: dict[str, Any], shape: tuple[int, ...]) -> tuple[float, ...] | None:
    """mm per pixel of the image of k-space of ``([z,] y, x)``, from the encoded field of view."""
    fov = header.get("encoded", {}).get("fov_mm")
    return None if fov is None else tuple(length / size for length, size in zip(fov[-len(shape) :], shape, strict=True))


def _triple(node: ElementTree.Element | None) -> list[float]:
    """(z, y, x)."""
    texts = [] if node is None else [node.findtext(axis) for axis in "zyx"]
    return [float(text) for text in texts if text]
