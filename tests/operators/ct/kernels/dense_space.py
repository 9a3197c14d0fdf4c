"""The matrix of Joseph's method in space, entry by entry from its definition, for small volumes."""

import numpy as np
import scipy.sparse


def directions(view, detector):
    """Points and directions (rows · bins, 3) of the rays of one view of the table."""
    rows, bins = (grid.reshape(-1, 1) for grid in np.indices(detector))
    return tuple(
        view[first : first + 3] + bins * view[first + 3 : first + 6] + rows * view[first + 6 : first + 9]
        for first in (0, 9)
    )


def space_matrix(rays, spacing, detector, shape):
    """Sparse ``(views · rows · bins, planes · rows · columns)`` for a table of rays ``(views, 18)``."""
    blocks = []
    for view in rays:
        points, along = directions(view, detector)
        major = np.abs(along).argmax(1)
        entries = ([], [], [])
        for axis in range(3):
            mine, others = np.flatnonzero(major == axis), [a for a in range(3) if a != axis]
            p, d, layer = points[mine], along[mine], np.arange(shape[axis])
            t = (layer - p[:, [axis]]) / d[:, [axis]]
            length = np.sqrt(((d * np.asarray(spacing)) ** 2).sum(1, keepdims=True)) / np.abs(d[:, [axis]])
            u, v = (p[:, [a]] + t * d[:, [a]] for a in others)
            for j in (np.floor(u), np.floor(u) + 1):
                for m in (np.floor(v), np.floor(v) + 1):
                    inside = (j >= 0) & (j < shape[others[0]]) & (m >= 0) & (m < shape[others[1]])
                    pixel = [j, m]
                    pixel.insert(axis, np.broadcast_to(layer, j.shape))
                    entries[0].append((length * (1 - abs(u - j)) * (1 - abs(v - m)))[inside])
                    entries[1].append(np.broadcast_to(mine[:, None], j.shape)[inside])
                    entries[2].append(np.ravel_multi_index([a[inside].astype(int) for a in pixel], shape))
        values, ray, voxel = (np.concatenate(part) for part in entries)
        size = (detector[0] * detector[1], int(np.prod(shape)))
        blocks.append(scipy.sparse.csr_matrix((values, (ray, voxel)), size))
    return scipy.sparse.vstack(blocks).tocsr()
