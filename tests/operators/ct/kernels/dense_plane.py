"""Joseph's method in a plane as a matrix, ray by ray from its definition: the answer that kernels are compared with."""

import numpy as np
import scipy.sparse

from recon.operators.ct.kernels.rays import COSINE, DIRECTION, DIRECTION_U, POINT, POINT_U, TURN


def plane_matrix(rays, spacing, bins, shape):
    """The sparse matrix from images of ``shape``, flattened, to sinograms (views, bins), flattened."""
    return scipy.sparse.vstack([_view(row, np.asarray(spacing), bins, shape) for row in rays]).tocsr()


def _view(row, spacing, bins, shape):
    k = np.arange(bins)[:, None]
    part = {first: row[first : first + 2] for first in (POINT, POINT_U, DIRECTION, DIRECTION_U, COSINE)}
    turn = row[TURN]
    points = part[POINT] + k * part[POINT_U]
    turned = (
        k * part[DIRECTION_U] if turn == 0 else np.sin(k * turn) * part[DIRECTION_U] + np.cos(k * turn) * part[COSINE]
    )
    directions = part[DIRECTION] + turned
    upright = np.abs(directions[:, 0]) >= np.abs(directions[:, 1])
    rows, columns, values = [], [], []
    for axis in (0, 1):
        mine = np.flatnonzero(upright if axis == 0 else ~upright)
        p, d = points[mine], directions[mine]
        layers = np.arange(shape[axis])
        u = p[:, 1 - axis, None] + (layers - p[:, axis, None]) * (d[:, 1 - axis] / d[:, axis])[:, None]
        length = np.sqrt(((d * spacing) ** 2).sum(1)) / np.abs(d[:, axis])
        for neighbour in (np.floor(u), np.floor(u) + 1):
            weight = (1 - np.abs(u - neighbour)) * length[:, None]
            inside = (neighbour >= 0) & (neighbour < shape[1 - axis])
            j = np.where(inside, neighbour, 0).astype(int)
            pixel = layers * shape[1] + j if axis == 0 else j * shape[1] + layers
            rows.append(np.broadcast_to(mine[:, None], u.shape)[inside])
            columns.append(pixel[inside])
            values.append(weight[inside])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csr_matrix(entries, (bins, shape[0] * shape[1]))
