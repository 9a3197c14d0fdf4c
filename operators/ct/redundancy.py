"""How much each ray of a circular scan counts, so that every line counts once."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.ct.angular_weights import SAME, WEDGE
from recon.operators.linear import CapabilityError

GAP = pi / 18  # radians up to which a gap within an arc is no wedge
EVEN = 1.5  # a largest gap of up to so many median gaps does not interrupt a full turn
TAPER = pi / 6  # radians over which the weights of a view fall off towards the ends of a shorter scan


class Arc(NamedTuple):
    """The part of a turn that a scan covers.

    ``cells`` are the angles in radians that each view stands for, ``place`` the views' angles from the start of the
    arc, both ``(views,)``, and ``extent`` its length, None for a full turn.
    """

    cells: Tensor
    place: Tensor
    extent: float | None


def scan_arc(angles: Sequence[float]) -> Arc:
    """The arc that angles in any order cover, taken modulo 2π.

    It is what the largest gap leaves over, unless that gap is hardly wider than the others. Each direction stands for
    the half-way intervals to its neighbours, at the ends of the arc for half a median gap outwards, shared equally
    among the views of that direction. A gap within the arc wider than 10° and than ten median gaps counts
    as one median gap.
    """
    turned = torch.tensor(angles, dtype=torch.float64).remainder(2 * pi)
    ascending, order = turned.sort(stable=True)
    new = torch.diff(ascending, prepend=ascending[-1:] - 2 * pi) > SAME
    if not bool(new.any()):
        new[0] = True
    direction = torch.empty_like(order)
    direction[order] = (new.cumsum(0) - 1) % int(new.sum())
    directions = ascending[new]
    gaps = torch.diff(directions, append=directions[:1] + 2 * pi)
    median, widest = float(gaps.quantile(0.5)), int(gaps.argmax())
    full = float(gaps[widest]) <= EVEN * median
    inner = torch.where(gaps > max(GAP, WEDGE * median), median, gaps)
    if not full:
        inner[widest] = median
    cells = ((inner + inner.roll(1)) / 2 / direction.bincount())[direction]
    start = float(directions[(widest + 1) % len(directions)]) - median / 2
    extent = None if full else 2 * pi - float(gaps[widest]) + median
    return Arc(cells, (directions[direction] - start).remainder(2 * pi), extent)


def view_weights(arc: Arc, fan: Tensor) -> Tensor:
    """Weights ``(views, bins)`` that share every line among the rays along it: q/(q + q'); times the views' cells.

    ``fan`` holds the angles γ ``(bins,)`` of the rays from the ray through the axis, counterclockwise from x to y (zero
    for parallel rays). The ray (t, γ) runs along the same line as (t + π + 2γ, −γ). On a full turn both are there and
    count half. On a shorter one the other counts q' = 0 where it was not measured; q falls from 1 to 0 as
    sin² over the last 30° towards the ends of the arc, so that weights are smooth across the rays measured twice, as
    Parker's condition asks (Parker, Med. Phys. 9, 1982; the quotient is that of Noo et al., Phys. Med. Biol. 47, 2002,
    eq. 41). It holds for short scans, for all that lies between them and a full turn, and where less was measured.
    """
    if arc.extent is None:
        return (arc.cells / 2)[:, None].expand(-1, len(fan))
    own = _standing(arc.place, arc.extent)[:, None]
    other = _standing((arc.place[:, None] + pi + 2 * fan).remainder(2 * pi), arc.extent)
    return arc.cells[:, None] * own / (own + other)


def _standing(place: Tensor, extent: float) -> Tensor:
    """q at a place on the arc, zero beyond its ends."""
    width = min(TAPER, extent / 2)
    inside = torch.minimum(place, extent - place).clamp(0, width) / width
    return torch.sin(pi / 2 * inside).square()


def detector_weights(position: Tensor, arc: Arc, radius: float, owner: str) -> Tensor | None:
    """Weights ``(bins,)`` of a detector whose centre is displaced, in the place of 1/2 on a full turn; None elsewhere.

    ``position`` is where the rays pass the axis, growing or falling with the bins (γ, or s for parallel rays), and
    ``radius`` how far from the axis, in the same unit, there may be an object. Where one side of the detector sees less
    far than that and than the other side, only the rays that both sides see are measured twice. They share with
    ½ + ½ sin(π γ/2Γ) for |γ| ≤ Γ, growing towards the longer side (Wang, Med. Phys. 29, 2002, eq. 6), and all others
    count once.

    Errors: CapabilityError where the detector does not see the axis, and on less than a full turn where
    one side of the detector sees less than half as far as the other.
    """
    step = float((position[-1] - position[0]).abs()) / max(len(position) - 1, 1)
    ends = float(position.min()) - step / 2, float(position.max()) + step / 2
    if ends[0] >= 0 or ends[1] <= 0:
        raise CapabilityError(f"{owner} needs a detector that sees the rotation axis; solve with an iterative method.")
    short, long = sorted((-ends[0], ends[1]))
    if short >= min(radius, long - step):
        return None
    if arc.extent is not None:
        if short < 0.5 * min(radius, long):
            raise CapabilityError(
                f"{owner} needs a full turn where the detector is displaced, this one sees {short:.4g} on one side of "
                f"the axis and {long:.4g} on the other over {arc.extent:.4g} radians; solve with an iterative method."
            )
        return None
    towards = position if ends[1] > -ends[0] else -position
    return 0.5 + 0.5 * torch.sin(pi / 2 * (towards / short).clamp(-1, 1))
