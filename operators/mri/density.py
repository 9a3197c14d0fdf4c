"""Density compensation: how much of k-space each sample stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from math import pi, prod
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from recon.operators.mri.cartesian_entries import image_shape
from recon.operators.mri.kernels.nufft import nufft_plans
from recon.operators.mri.nufft import as_trajectory
from recon.operators.mri.stacked_planes import stacked_planes
from recon.operators.mri.trajectory import Trajectory
from recon.operators.operator import Shape
from recon.operators.tensors import checked_count

EPS = 1e-7
"""Relative error of the transforms in :func:`pipe_density`."""
RIM = 1e-6
"""Share by which the circle that bounds Voronoi cells is wider than the one through the outermost samples."""


def density_compensation(
    trajectory: Trajectory | Tensor,
    shape: Sequence[int],
    method: Literal["pipe", "voronoi", "radial", "spiral"] = "pipe",
    iterations: int = 20,
) -> Tensor:
    """Weights w, float64 ``(shots, samples)``, with which Aᴴ(w ⊙ y) approximates the image of data y = A x.

    w is N times the area of k-space, in (cycles per pixel)^ndim, that a sample stands for, with N pixels in all: 1 for
    each sample of a full Cartesian grid. It is a weight of the data, as of ``A.gram(w)``, and never part of A.

    Parameters
    ----------
    trajectory
        The samples' places.
    shape
        Shape of one image, ([nz,] ny, nx).
    method
        ``"pipe"``: fixed-point iteration w ← w / (ψ ∗ w), with ψ the kernel whose transform is the autocorrelation of
        the field of view; for any trajectory. ``"voronoi"``: areas of the cells of points nearest to each sample, in
        planes; samples at one place share its cell. ``"radial"`` and ``"spiral"``: shares
        of rings, for spokes through the centre and for arms of growing radius at even angles.
    iterations
        Of ``"pipe"``.

    Errors: ValueError for a trajectory that is not what the method takes.

    Sources: J. G. Pipe and P. Menon, Magn. Reson. Med. 41 (1999) 179; V. Rasche et al., IEEE Trans. Med. Imaging 18
    (1999) 385; R. D. Hoge et al., Magn. Reson. Med. 38 (1997) 117.
    """
    points = as_trajectory(trajectory, "density_compensation").points.detach().cpu()
    shape = image_shape(shape, "density_compensation")
    if len(points) != len(shape):
        raise ValueError(f"density_compensation expects a shape of {len(points)} axes, got {shape}.")
    if method == "pipe":
        return pipe_density(points, shape, checked_count(iterations, "density_compensation", "iterations"))
    analytic: dict[str, Callable[[Tensor], Tensor]]
    analytic = {"voronoi": _voronoi_cells, "radial": _radial_rings, "spiral": _spiral_rings}
    if method not in analytic:
        raise ValueError(
            f"density_compensation expects method 'pipe', 'voronoi', 'radial' or 'spiral', got {method!r}."
        )
    if len(shape) == 2:
        return prod(shape) * analytic[method](points)
    planes = stacked_planes(points, shape)
    if planes is None:
        raise ValueError(
            f"density_compensation by {method!r} takes points of two axes, or the same in several planes; take 'pipe'."
        )
    if len(planes.frequencies.unique()) < len(planes.frequencies):
        raise ValueError(f"density_compensation by {method!r} expects each plane once; take 'pipe'.")
    shots = points.shape[1] // len(planes.frequencies)
    plane = prod(shape[1:]) * analytic[method](points[1:, :shots])
    return plane.repeat(len(planes.frequencies), 1)


def pipe_density(points: Tensor, shape: Shape, iterations: int) -> Tensor:
    """w ← w / (ψ ∗ w), ψ(k) = N^{−1} Σ_m Π_d (1 − |m_d|/N_d) exp(−2πi k·m), which is nonnegative."""
    plans = nufft_plans([2 * n for n in shape], points, EPS)
    triangles = [1 - (torch.arange(2 * n, dtype=torch.float64) - n).abs() / n for n in shape]
    window: Tensor = reduce(lambda a, b: a[..., None] * b, triangles) / prod(shape)
    weights = torch.ones(1, prod(points.shape[1:]), dtype=torch.complex128)
    for _ in range(iterations):
        spread = plans.forward(plans.adjoint(weights) * window).real
        weights = weights / spread.clamp(min=torch.finfo(torch.float64).tiny)
    return weights.real.reshape(points.shape[1:]).contiguous()


def _radial_rings(points: Tensor) -> Tensor:
    """∫ |r| dr Δθ over the cell of each sample, Δθ half the angles to the neighbouring spokes.

    The cell around 0 gets h²Δθ/12 less, h its length: the term by which sums of samples miss the integral over the kink
    of |r| (Euler and Maclaurin), a constant offset of images otherwise.
    """
    direction = points[:, :, -1] - points[:, :, 0]
    direction = direction / torch.linalg.vector_norm(direction, dim=0)
    radii = (points * direction[..., None]).sum(0)
    across = (points - radii * direction[..., None]).abs().max()
    through = bool((radii[:, 0] < 0).all() and (radii[:, -1] > 0).all())
    if points.shape[2] < 2 or not (through and bool(across < 1e-6)) or bool((radii.diff() <= 0).any()):
        raise ValueError(
            "density_compensation by 'radial' expects shots along lines through the centre of k-space; take 'voronoi'."
        )
    lower, upper = _edges(radii)
    angles = torch.atan2(direction[0], direction[1]) % pi
    kink = torch.where((lower <= 0) & (upper > 0), (upper - lower).square() / 12, 0)
    return _shares(angles)[:, None] * ((upper * upper.abs() - lower * lower.abs()) / 2 - kink)


def _shares(angles: Tensor) -> Tensor:
    """Half the way, modulo π, from each angle to the next lower and the next higher one, equal ones sharing theirs."""
    values, place, copies = (angles * 1e9).round().unique(return_inverse=True, return_counts=True)
    values = values / 1e9
    gaps = torch.cat((values.diff(), values[:1] + pi - values[-1:]))
    shares: Tensor = ((gaps + gaps.roll(1)) / 2 / copies)[place]
    return shares


def _spiral_rings(points: Tensor) -> Tensor:
    """Δ(r²) π/shots over the cell of each sample."""
    radii = torch.linalg.vector_norm(points, dim=0)
    same = (radii - radii[:1]).abs().max() <= 1e-6
    if radii.shape[1] < 2 or not bool(same) or bool((radii.diff() <= 0).any()):
        raise ValueError(
            "density_compensation by 'spiral' expects shots of growing radius, the same in each; take 'voronoi'."
        )
    lower, upper = _edges(radii)
    rings: Tensor = pi / radii.shape[0] * (upper.square() - lower.clamp(min=0).square())
    return rings


def _edges(radii: Tensor) -> tuple[Tensor, Tensor]:
    """Half way to the neighbours along each shot, as far again beyond the ends."""
    middle = (radii[:, 1:] + radii[:, :-1]) / 2
    first, last = 2 * radii[:, :1] - middle[:, :1], 2 * radii[:, -1:] - middle[:, -1:]
    return torch.cat((first, middle), 1), torch.cat((middle, last), 1)


def _voronoi_cells(points: Tensor) -> Tensor:
    """Areas of Voronoi cells: of the square as a torus, or where all samples lie within radius ½ of the disc they span.

    At the circle each cell meets that of its mirror image. Ridges between two cells tell their areas: a ridge of length
    l between points d apart is the base of triangles of area l d/4 on both sides.
    """
    from scipy.spatial import Voronoi

    every = points.flatten(1).numpy().T.round(12)
    places, where, copies = np.unique(every, axis=0, return_inverse=True, return_counts=True)
    if len(places) < 4 or np.linalg.matrix_rank(places - places[0], tol=1e-9) < 2:
        raise ValueError(
            f"density_compensation by 'voronoi' expects at least 4 points that do not lie on a line, got {len(places)}."
        )
    radius = np.linalg.norm(places, axis=1)
    rim = float(radius.max())
    if rim <= 0.5 + 1e-9:
        near = radius > 0.5 * rim
        mirrored = places[near] * (2 * (1 + RIM) * rim / radius[near] - 1)[:, None]
    else:
        mirrored = np.concatenate([places + shift for shift in product((-1, 0, 1), repeat=2) if any(shift)])
    diagram: Any = Voronoi(np.concatenate((places, mirrored)))
    ends = np.asarray(diagram.ridge_vertices)
    inner = (ends >= 0).all(1)
    length = np.linalg.norm(np.diff(diagram.vertices[ends[inner]], axis=1)[:, 0], axis=1)
    pairs = diagram.ridge_points[inner]
    apart = np.linalg.norm(diagram.points[pairs[:, 0]] - diagram.points[pairs[:, 1]], axis=1)
    areas = np.zeros(len(diagram.points))
    np.add.at(areas, pairs, (length * apart / 4)[:, None])
    shared = areas[: len(places)] / copies
    return torch.from_numpy(shared[where.reshape(-1)]).reshape(points.shape[1:])
