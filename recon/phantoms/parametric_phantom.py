"""Objects of several tissues, for parameter maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from recon.operators.ct import Volume
from recon.operators.mri.trajectory import Trajectory
from recon.phantoms.phantom import Phantom
from recon.phantoms.profiles import Solid
from recon.phantoms.sinusoidal_coils import SinusoidalCoils
from recon.phantoms.tissue import Tissue

_BOUNDARY = 64


@dataclass(frozen=True, init=False)
class ParametricPhantom:
    """Regions of tissues whose parameters M₀, T₁, T₂ and signals s(parameters) are all known.

    Each tissue takes the place of those listed before it: with indicator functions 1_j and the tissue i(j) around j,
    the image of a signal is

    Σ_j (s_j − s_{i(j)}) 1_j,   s_{i(j)} = 0 outside all tissues,

    a phantom of constant values, so that images at any echo time have exact k-space. Every pixel that no boundary
    crosses has one tissue, and decays with one exponential.

    Parameters
    ----------
    tissues
        Solid regions (ellipses, rectangles, ellipsoids, boxes), each inside or outside of each one before it.

    Errors: ValueError for other shapes, or regions of which one crosses another.
    """

    tissues: tuple[Tissue, ...]

    def __init__(self, tissues: Sequence[Tissue]) -> None:
        object.__setattr__(self, "tissues", tuple(tissues))
        regions = [tissue.region for tissue in self.tissues]
        if not all(isinstance(region, Solid) for region in regions):
            raise ValueError("ParametricPhantom expects solid regions, such as ellipses and ellipsoids.")
        self._units()  # which refuses no tissues, and some in the plane and others in space
        for j, region in enumerate(regions):
            for i, below in enumerate(regions[:j]):
                if _inside(region, below) is None:
                    raise ValueError(
                        f"ParametricPhantom expects each region inside or outside of those before it, but region {j} "
                        f"crosses the boundary of region {i} or contains it."
                    )

    @property
    def ndim(self) -> int:
        """Number of axes of its images, 2 or 3."""
        return self.tissues[0].region.ndim

    def _units(self) -> Phantom:
        return Phantom([_valued(tissue, 1.0) for tissue in self.tissues])

    def _steps(self, signal: Callable[[Tissue], float]) -> list[float]:
        """s_j − s_{i(j)}, where i(j) is the last tissue that j lies in."""
        steps = []
        for j, tissue in enumerate(self.tissues):
            around = [below for below in self.tissues[:j] if _inside(tissue.region, below.region)]
            steps.append(signal(tissue) - (signal(around[-1]) if around else 0.0))
        return steps

    def weighted(self, signal: Callable[[Tissue], float]) -> Phantom:
        """The phantom whose values are the ``signal`` of each tissue."""
        steps = self._steps(signal)
        return Phantom([_valued(tissue, step) for tissue, step in zip(self.tissues, steps, strict=True)])

    def spin_echo(self, te: float, tr: float = float("inf")) -> Phantom:
        """The phantom M₀ (1 − exp(−TR/T₁)) exp(−TE/T₂), times in s."""
        return self.weighted(lambda tissue: tissue.spin_echo(te, tr))

    def inversion_recovery(self, ti: float, tr: float = float("inf"), te: float = 0.0) -> Phantom:
        """The phantom M₀ (1 − 2 exp(−TI/T₁) + exp(−TR/T₁)) exp(−TE/T₂), times in s."""
        return self.weighted(lambda tissue: tissue.inversion_recovery(ti, tr, te))

    def parameters(self, volume: Volume, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        """Maps ``m0``, ``t1`` and ``t2`` (s) at the centres of pixels, of its shape; 0 outside all tissues."""
        return {
            name: self.weighted(lambda tissue, name=name: getattr(tissue, name)).rasterise(volume, 1, dtype)  # type: ignore[misc]
            for name in ("m0", "t1", "t2")
        }

    def multi_echo(
        self, volume: Volume, te: Sequence[float], tr: float = float("inf"), dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Images of spin echoes at times ``te`` in s, means over pixels: ``(echoes, *volume.shape)``."""
        return torch.stack([self.spin_echo(time, tr).rasterise(volume, dtype=dtype) for time in te])

    def multi_echo_kspace(
        self,
        volume: Volume,
        te: Sequence[float],
        tr: float = float("inf"),
        points: Tensor | Trajectory | None = None,
        coils: SinusoidalCoils | None = None,
        dtype: torch.dtype = torch.complex64,
    ) -> Tensor:
        """Exact k-space of :meth:`multi_echo`, as :meth:`Phantom.kspace` has it, with the echoes on the first axis."""
        shares = self._units().kspace_of_shapes(volume, points, coils, dtype)
        steps = [self._steps(lambda tissue, time=time: tissue.spin_echo(time, tr)) for time in te]  # type: ignore[misc]
        weights = torch.tensor(steps, dtype=torch.float64).to(shares)
        kspace: Tensor = torch.tensordot(weights, shares, 1)
        return kspace


def _valued(tissue: Tissue, value: float) -> Any:
    region: Any = tissue.region
    return replace(region, value=value)


def _inside(region: Any, below: Any) -> bool | None:
    """Whether a region lies in another one, True or outside of it, False; None where their boundaries cross or the
    other one lies in it. Judged by points of its boundary, as all are convex."""
    to_own, centre = region.affine()
    unit = torch.linspace(-1, 1, _BOUNDARY, dtype=torch.float64)
    cube = torch.cartesian_prod(*[unit] * region.ndim)
    shell = cube[cube.abs().amax(-1) == 1]
    boundary = shell / region.norm(shell)[:, None] @ torch.linalg.inv(to_own).T + centre
    other, middle = below.affine()
    sizes = below.norm((boundary - middle) @ other.T)
    if bool((sizes <= 1).all()):
        return True
    contains = bool(region.norm((middle - centre) @ to_own.T) <= 1)
    return False if bool((sizes >= 1).all()) and not contains else None
