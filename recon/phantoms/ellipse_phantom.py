"""Sums of ellipses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from recon.phantoms.ellipse import Ellipse
from recon.phantoms.phantom import Phantom


@dataclass(frozen=True, init=False)
class EllipsePhantom(Phantom):
    """A phantom of ellipses only, as most classical ones in the plane are."""

    def __init__(self, ellipses: Sequence[Ellipse]) -> None:
        if not ellipses:
            raise ValueError("EllipsePhantom expects at least one ellipse, got none.")
        super().__init__(ellipses)

    @property
    def ellipses(self) -> tuple[Ellipse, ...]:
        """The ellipses whose sum it is."""
        return cast("tuple[Ellipse, ...]", self.shapes)
