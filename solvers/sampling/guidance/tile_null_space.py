"""The estimate of DDNM for some tiles of an image, with other tiles known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.priors.learned.tiled_prior import TiledPrior
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.pseudo_inverse import pseudo_inverse
from recon.solvers.sampling.guidance.tile_stages import Stage
from recon.solvers.sampling.guidance.tile_waves import Part, seen
from recon.solvers.sampling.scatter import residual


class Restored(NamedTuple):
    """Images of a grid, and what conjugate gradients reached on the way there, in how many iterations."""

    x0: Tensor
    residual: Tensor
    iterations: Tensor


def restore(
    problem: Problem,
    prior: TiledPrior,
    stage: Stage,
    wave: int,
    u: Tensor,
    sigma: Tensor,
    canvas: Tensor,
    before: Tensor | None,
    rtol: float,
    max_iter: int,
) -> Restored:
    """x̂₀ of the pixels that a wave of tiles restores first, in ``canvas``, whose other pixels stay.

    The tiles of u are denoised; then, on those pixels alone and by the change of least norm, their means over blocks
    are put to those of the grid ``before``, if there is one, and then their data to y. Means and data that also depend
    on pixels of later waves are left for these.

    Parameters
    ----------
    u, canvas
        ``(batch, *shape of the grid)``.
    sigma
        One per item.
    """
    waves, A = stage.waves, stage.operator(problem.linear)
    tiles = prior.tiles(waves.tiling.pick(u, waves.corners[wave]), sigma)
    x0 = torch.where(waves.fresh(wave, u), waves.put(tiles, wave, canvas), canvas)
    changes = []
    if before is not None and stage.pool is not None:
        means = _part(problem, stage, stage.pool, wave, u, ("means", stage.factors, stage.pool.factors))
        changes.append(pseudo_inverse(means, before - stage.pool(x0), rtol, max_iter))
        x0 = x0 + changes[-1][0]
    data = _part(problem, stage, A, wave, u, ("data", stage.factors))
    changes.append(pseudo_inverse(data, residual(problem, A(x0)), rtol, max_iter))
    worst = [torch.stack([info.residual for _, info in changes]), torch.stack([info.iterations for _, info in changes])]
    return Restored(x0 + changes[-1][0], worst[0].amax(0), worst[1].amax(0))


def local_share(problem: Problem, stage: Stage) -> float:
    """The share of the measurements that depend on the pixels of one tile only."""
    A = problem.linear
    return seen(stage.waves, stage.operator(A), problem.zeros(), A, ("data", stage.factors))[1]


def _part(problem: Problem, stage: Stage, A: LinearOperator, wave: int, like: Tensor, name: object) -> LinearOperator:
    """A on what a wave restores first, giving those measurements that depend on nothing still missing."""
    if len(stage.waves) == 1:
        return A
    ready = seen(stage.waves, A, like, problem.operator, name)[0]
    return Part(A, ready <= wave, stage.waves.fresh(wave, like))
