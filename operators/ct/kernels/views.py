"""The table of numbers by which kernels know a parallel-beam geometry on a pixel grid."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.volume import Volume

AXIS, SLOPE, ORIGIN, STEP, WEIGHT = range(5)
COLUMNS = 5


def parallel_views(volume: Volume, geometry: ParallelBeam) -> Tensor:
    """One row (axis, slope, origin, step, weight) per view, float64 ``(views, 5)``.

    In index coordinates, pixel (i, j) of an image of n rows and m columns, the line s = x cosθ + y sinθ
    reads j p + i q = s + const with p = Δx cosθ and q = Δy sinθ. Where |p| ≥ |q| (``axis`` 0) it crosses
    row i at column u = origin + step · k + slope · (i − (n − 1)/2) for detector bin k, |slope| ≤ 1, and
    its length between two rows is ``weight`` = Δx Δy / |p| in mm. Otherwise (``axis`` 1) the same holds
    of the transposed image.
    """
    (rows, columns), (dy, dx), (y0, x0) = volume.shape, volume.spacing, volume.offset
    angles = np.asarray(geometry.angles, dtype=np.float64)
    per_column, per_row = dx * np.cos(angles), dy * np.sin(angles)
    middle_row, middle_column = (rows - 1) / 2, (columns - 1) / 2
    origin_row, origin_column = middle_row - y0 / dy, middle_column - x0 / dx  # pixel coordinates of the rotation axis
    flip = np.abs(per_row) > np.abs(per_column)
    p, q = np.where(flip, per_row, per_column), np.where(flip, per_column, per_row)
    slope = -q / p
    across, along = np.where(flip, origin_row, origin_column), np.where(flip, origin_column, origin_row)
    middle = np.where(flip, middle_column, middle_row)
    first = float(geometry.positions()[0])
    table = np.empty((len(angles), COLUMNS))
    table[:, AXIS] = flip
    table[:, SLOPE] = slope
    table[:, ORIGIN] = first / p + across + slope * (middle - along)
    table[:, STEP] = geometry.pitch / p
    table[:, WEIGHT] = dx * dy / np.abs(p)
    return torch.from_numpy(table)
