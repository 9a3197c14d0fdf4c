"""Where in k-space samples are taken."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.autograd import forward_ad

from recon.operators.mri.cartesian_entries import image_shape
from recon.operators.mri.trajectory_points import (
    converted,
    from_bart,
    from_first_axis,
    from_last_axis,
    from_mrpro,
    golden_angle_points,
    radial_points,
    real_points,
    spiral_points,
    stack_of_stars_points,
    wrapped,
)
from recon.operators.tensors import fixed

Convention = Literal["cycles", "sigpy", "mrpro", "bart", "radians", "mri_nufft"]


class Trajectory:
    """Points k of k-space in cycles per pixel, each component in [−½, ½): an immutable value.

    ``points`` is a float64 tensor ``(ndim, shots, samples)``, its rows in the order of the image's axes, ([z,] y, x).
    Zero frequency is 0 and sample j of N along a Cartesian line is (j − N//2)/N. What k means in 1/mm follows from the
    pixels: k divided by their spacing. Neither image nor coils are part of the value, and pixels of the image are only
    needed by :meth:`from_kn`.

    Points of which derivatives are tracked stay part of their graph, and operators are differentiable in them.

    Parameters
    ----------
    points
        An array of the layout and the unit of ``convention``.
    convention
        ``"cycles"`` for the layout and unit of this class; ``"sigpy"``, ``"mrpro"`` and ``"bart"`` for k·N (see
        :meth:`from_kn`), ``"radians"`` for finufft and torchkbnufft, ``"mri_nufft"``.
    shape
        Pixels of the image, ([nz,] ny, nx), which the conventions of k·N need.

    Errors: ValueError or TypeError for points of another shape, outside [−½, ½), complex, NaN or infinite.
    """

    names: ClassVar[tuple[str, ...]] = ("points", "trajectory")

    points: Tensor

    def __init__(
        self,
        points: Tensor,
        convention: Literal["cycles", "sigpy", "mrpro", "bart", "radians", "mri_nufft"] = "cycles",
        shape: Sequence[int] | None = None,
    ) -> None:
        object.__setattr__(self, "points", _checked(_converted(points, convention, shape)))

    @property
    def learns(self) -> bool:
        """Whether derivatives with respect to the points are being tracked."""
        return _tracked(self.points)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Trajectory does not change; make a new one with other {name}.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trajectory) and torch.equal(self.points, other.points)

    def __hash__(self) -> int:
        return hash(self.points.detach().cpu().numpy().tobytes())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def ndim(self) -> int:
        """Number of axes of the images, 2 or 3."""
        return self.points.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(shots, samples)."""
        return self.points.shape[1], self.points.shape[2]

    def __getitem__(self, shots: slice | Sequence[int]) -> Trajectory:
        """The trajectory of some of its shots, such as those of one frame."""
        return Trajectory(self.points[:, shots])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape[0]} shots × {self.shape[1]} samples, {self.ndim}D)"

    # ---------------------------------------------------------------- from elsewhere

    @classmethod
    def from_points(cls, points: Tensor) -> Trajectory:
        """Points in cycles per pixel, ``(ndim, [shots,] samples)``."""
        return Trajectory(from_first_axis(points, "Trajectory.from_points"))

    @classmethod
    def from_kn(
        cls, points: Any, shape: Sequence[int], layout: Literal["sigpy", "mrpro", "bart"] = "sigpy"
    ) -> Trajectory:
        """Points in cycles per field of view, k·N in [−N/2, N/2), for images of ``shape`` ([nz,] ny, nx).

        ``layout`` is ``"sigpy"``: ``([shots,] samples, ndim)``, the last axis in the order of the image's axes;
        ``"mrpro"``: the three tensors (kz, ky, kx), which broadcast to (…, k2, k1, k0); or ``"bart"``:
        ``(3, samples, shots)`` with rows x, y, z. mrpro's and BART's kz must vanish for images of two axes.
        """
        return Trajectory(points, layout, shape)

    @classmethod
    def from_radians(cls, points: Any) -> Trajectory:
        """Radians per pixel in [−π, π), ``(ndim, [shots,] samples)``: torchkbnufft's, and finufft's for C order."""
        return Trajectory(points, "radians")

    @classmethod
    def from_mri_nufft(cls, points: Any) -> Trajectory:
        """mri-nufft's samples, ``([shots,] samples, ndim)`` in [−½, ½], the last axis in the order of its image's."""
        return Trajectory(points, "mri_nufft")

    # ---------------------------------------------------------------- the usual ones

    @classmethod
    def radial(cls, spokes: int, samples: int, angles: Tensor | Sequence[float] | None = None) -> Trajectory:
        """Diameters of k-space at angles θ in radians, π s/spokes by default, towards (y, x) = (sin θ, cos θ).

        Sample j lies at the radius (j − samples//2)/samples. Nyquist's criterion at the rim asks for π/2 spokes a
        pixel of the image's width.
        """
        return Trajectory(radial_points(spokes, samples, angles))

    @classmethod
    def golden_angle(cls, spokes: int, samples: int, first: int = 0, tiny: int = 1) -> Trajectory:
        """Diameters as of :meth:`radial` at angles s π/(φ + tiny − 1), φ = (1 + √5)/2, s from ``first``.

        ``tiny`` = 1 is the golden angle of 111.25°, larger numbers the tiny golden angles (Wundrak et al., IEEE Trans.
        Med. Imaging 34, 2015). Spokes of consecutive numbers cover k-space evenly, however many there are.
        """
        return Trajectory(golden_angle_points(spokes, samples, first, tiny))

    @classmethod
    def spiral(cls, shots: int, samples: int, turns: float, power: float = 1.0, radius: float = 0.5) -> Trajectory:
        """Arms (y, x) = radius · tᵖ (sin φ, cos φ), φ = 2π (turns · t + s/shots), t = j/samples in [0, 1).

        ``power`` 1 is Archimedean, its arms radius/(turns · shots) apart: Nyquist's criterion asks for
        turns · shots = N/2 with N pixels at the radius ½. Larger powers sample the centre more densely.
        """
        return Trajectory(spiral_points(shots, samples, turns, power, radius))

    @classmethod
    def stack_of_stars(cls, spokes: int, samples: int, partitions: int, golden: bool = False) -> Trajectory:
        """The same spokes in planes kz = (p − partitions//2)/partitions, plane after plane: partitions · spokes shots.

        The spokes are those of :meth:`radial`, or with ``golden`` of :meth:`golden_angle`. For images of as many
        planes as partitions the operators transform along z by FFT.
        """
        return Trajectory(stack_of_stars_points(spokes, samples, partitions, golden))


def _converted(points: Any, convention: Convention, shape: Sequence[int] | None) -> Tensor:
    owner = "Trajectory"
    if convention == "cycles":
        tensor = real_points(points, owner)
        if tensor.ndim != 3 or tensor.shape[0] not in (2, 3):
            raise ValueError(f"Trajectory expects points of shape (2 or 3, shots, samples), got {tuple(tensor.shape)}.")
        return tensor
    if convention == "radians":
        return converted(from_first_axis(points, owner), 2 * pi, "radians per pixel", owner)
    if convention == "mri_nufft":
        return wrapped(from_last_axis(points, owner))
    if convention not in ("sigpy", "mrpro", "bart"):
        known = "'cycles', 'sigpy', 'mrpro', 'bart', 'radians' or 'mri_nufft'"
        raise ValueError(f"Trajectory expects convention {known}, got {convention!r}.")
    if shape is None or len(shape) not in (2, 3):
        raise ValueError(
            f"Trajectory needs the image's shape ([nz,] ny, nx) for points in k·N ({convention}), got {shape}."
        )
    if convention == "sigpy":
        tensor = from_last_axis(points, owner)
    else:
        tensor = (from_mrpro if convention == "mrpro" else from_bart)(points, len(shape), owner)
    if len(tensor) != len(shape):
        raise ValueError(f"Trajectory expects points of {len(shape)} axes for shape {tuple(shape)}, got {len(tensor)}.")
    sizes = torch.tensor(image_shape(shape, owner), dtype=torch.float64, device=tensor.device)[:, None, None]
    return converted(tensor, sizes, "k·N", owner)


def _checked(points: Tensor) -> Tensor:
    values = fixed(points.detach(), "Trajectory", "points")
    points = points.clone() if _tracked(points) else values
    if points.numel() == 0:
        raise ValueError(f"Trajectory expects at least one point, got shape {tuple(points.shape)}.")
    low, high = (float(value) for value in values.aminmax())
    if low < -0.5 or high >= 0.5:
        raise ValueError(
            f"Trajectory expects points in cycles per pixel within [-1/2, 1/2), got {low:g} to {high:g}; convert k·N "
            "with Trajectory.from_kn and radians with Trajectory.from_radians, in jobs by their convention."
        )
    return points


def _tracked(points: Tensor) -> bool:
    return points.requires_grad or forward_ad.unpack_dual(points).tangent is not None
