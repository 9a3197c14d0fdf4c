"""Ray transforms as jobs describe them."""

from pathlib import Path
from typing import Any

import torch

from recon.config.components import Components
from recon.config.errors import Mark
from recon.config.nodes import Map, parse_yaml
from recon.config.values import ComponentSpec
from recon.files import Item, Scan
from recon.operators import RayTransform
from recon.run.build import Surroundings, build
from recon.signatures import find_class


def described(text: str) -> ComponentSpec:
    """The ray transform of a job, checked."""
    node = parse_yaml(text, Mark("job.yaml", 1, 1, Path()))
    info = find_class("recon.operators.RayTransform")
    assert info is not None
    assert isinstance(node, Map)
    return Components().fill(info, "ray_transform", "operator 'ray_transform'", node)


def operator(
    text: str,
    data: torch.Tensor,
    scan: Scan | None = None,
    aux: dict[str, torch.Tensor] | None = None,
    **meta: Any,
) -> RayTransform:
    """The ray transform that a job describes, for an item with angles from 0 to 180 degrees."""
    angles = torch.arange(len(data), dtype=torch.float64) * (180 / len(data))
    item = Item("scan", "scan.h5", data, aux={"angles": angles, **(aux or {})}, meta=meta, scan=scan)
    built = build(described(text), Surroundings(item, tuple(data.shape)))
    assert isinstance(built, RayTransform)
    return built
