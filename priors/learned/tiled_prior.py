"""A prior of a fixed, small size on images of any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log, prod

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from recon.operators.operator import Shape
from recon.operators.tensors import checked_count
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.tiling import Tiling
from recon.priors.prior import Prior

SPREAD = 1e3
"""How fast the places of tiles change with log σ."""

IRRATIONAL = (0.7548776662466927, 0.5698402909980532, 0.8191725133961645, 0.6710436067037893)
"""Irrational multiples by which places along the axes are scattered, from the first axis on."""


class TiledPrior(DiffusionPrior):
    """Images in tiles of the size that a prior is for, each denoised by itself:

        D(u, σ) = Σ_k P_kᵀ w_k D_tile(P_k u, σ),        Σ_k P_kᵀ w_k = 1,

    with P_k u the k-th tile of u and weights w_k that fall towards a tile's border. So images of any size can be
    sampled, with any operator and any guidance: those see one prior on the whole image. It makes the tiles of one size
    look right, and knows nothing of what lies farther apart than a tile.

    Which tiles there are depends on σ: with ``moving`` the tiling has another place for every σ, so that no pixel lies
    at a border in all steps of a sampler. That costs nothing, unlike overlap; the two work together. Plug-and-play
    solvers with one σ have one tiling, and so depend on overlap. The derivative J is symmetric, as that of a posterior
    mean is, as far as weights do not vary over the distances at which pixels of a tile act on each other.

    Of an image independent from block to block it is the exact posterior mean where tiles do not overlap inside blocks.

    Parameters
    ----------
    prior
        The prior of a tile. Its ranges, noise levels, scale and shift hold for the images.
    shape
        Shape of one image, with as many axes as a tile has; None for any that is large enough. Axes as long as the
        tile's, such as channels, are not cut.
    overlap
        By how many pixels neighbours overlap at least, less than a tile is long: one for each axis of a tile, or a
        number for all (for shorter axes all pixels but one); a quarter of the tile by default.
    moving
        See above.
    tile
        Shape of a tile where the prior has none, for networks that take any size but not images that large.
    tile_batch
        How many tiles the prior gets at once, all by default. Derivatives then compute them again, so that memory stays
        bounded for these, too.

    Errors: ValueError where tiles or overlap do not fit.
    """

    names = ("tiled_prior", "tiled")

    def __init__(
        self,
        prior: DiffusionPrior,
        shape: Sequence[int] | None = None,
        *,
        overlap: int | Sequence[int] | None = None,
        moving: bool = True,
        tile: Sequence[int] | None = None,
        tile_batch: int | None = None,
    ) -> None:
        if not isinstance(prior, DiffusionPrior):
            raise TypeError(f"{self.name} expects a diffusion prior of the tiles, got {type(prior).__name__}.")
        super().__init__(None if shape is None else tuple(shape), prior.sigma)
        self.prior, self.tile, self.moving = prior, _tile(prior, tile), moving
        self.overlap = _overlaps(overlap, self.tile)
        self.tile_batch = None if tile_batch is None else checked_count(tile_batch, self.name, "tile_batch")
        self.field, self.value_range = prior.field, prior.value_range
        self.sigma_range, self.levels = prior.sigma_range, prior.levels
        self.scale, self.shift = prior.scale, prior.shift
        if self.shape is not None:
            self.tiling(self.shape)

    def stops(self, steps: int) -> Tensor | None:
        return self.prior.stops(steps)

    def check(self, u: Tensor) -> None:
        super().check(u)
        if self.shape is None:
            self.tiling(tuple(u.shape[max(u.ndim - len(self.tile), 0) :]))

    def tiling(self, shape: Sequence[int], sigma: float | None = None) -> Tiling:
        """The tiles of an image at a noise level; without one, where they lie if they do not move."""
        phase = None
        if self.moving and sigma is not None and sigma > 0:
            turns = SPREAD * log(sigma)
            phase = [turns * IRRATIONAL[axis % len(IRRATIONAL)] % 1.0 for axis in range(len(self.tile))]
        return Tiling(shape, self.tile, self.overlap, phase, self.name)

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        k = u.ndim - len(self.tile)
        flat = u.reshape(prod(u.shape[:k]), *u.shape[k:])
        if not isinstance(sigma, Tensor) or sigma.ndim == 0:
            return self._blended(flat, float(sigma)).reshape(u.shape)
        level = sigma.reshape(sigma.shape[:k]).expand(u.shape[:k]).reshape(-1)
        numbers = level.tolist()
        if len(set(numbers)) == 1 or not self.moving:
            return self._blended(flat, numbers[0], level).reshape(u.shape)
        return torch.cat([self._blended(row, s) for row, s in zip(flat.split(1), numbers, strict=True)]).reshape(
            u.shape
        )

    def tiles(self, tiles: Tensor, sigma: float | Tensor) -> Tensor:
        """D of tiles ``(images, count, *tile)``, ``tile_batch`` at a time; σ is a number or one per image."""
        images, count = tiles.shape[:2]
        flat = tiles.reshape(images * count, *self.tile)
        level = sigma
        if isinstance(sigma, Tensor) and sigma.ndim:
            level = sigma[:, None].expand(images, count).reshape(-1, *(1,) * len(self.tile)).to(flat.real)
        parts = []
        for start in range(0, len(flat), self.tile_batch or len(flat)):
            some = slice(start, start + (self.tile_batch or len(flat)))
            parts.append(self._tiles(flat[some], level[some] if isinstance(level, Tensor) and level.ndim else level))
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).reshape(tiles.shape)

    def _tiles(self, tiles: Tensor, level: float | Tensor) -> Tensor:
        """D of as many tiles as go at once, computed again for the backward pass where their number is limited."""
        if self.tile_batch is None or not (torch.is_grad_enabled() and tiles.requires_grad):
            return self.prior.expectation(tiles, level)
        out: Tensor = checkpoint(self.prior.expectation, tiles, level, use_reentrant=False, preserve_rng_state=False)
        return out

    def _blended(self, u: Tensor, place: float, sigma: Tensor | None = None) -> Tensor:
        """D of ``(images, *shape)``; the tiling is that of the noise level ``place``."""
        tiling = self.tiling(u.shape[1:], place)
        out = torch.zeros_like(u)
        real = u.real if u.is_complex() else u
        group = len(tiling) if self.tile_batch is None else max(1, self.tile_batch // max(len(u), 1))
        for start in range(0, len(tiling), group):
            corners = tiling.corners[start : start + group]
            clean = self.tiles(tiling.pick(u, corners), place if sigma is None else sigma)
            clean = tiling.weights(corners, real) * clean
            for number, corner in enumerate(corners):
                out[(slice(None), *tiling.window(corner))] += clean[:, number]
        return out

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        generator = torch.Generator().manual_seed(0)
        root = torch.randn(12, 12, generator=generator)
        small = GaussianPrior(0.5, covariance=root @ root.T / 12, shape=(3, 4), sigma=0.3)
        yield cls(small, (5, 9))
        yield cls(small, (5, 9), overlap=2, moving=False, tile_batch=2)
        yield cls(small, overlap=(1, 0), tile_batch=3)
        yield cls(GaussianPrior(0.1, std=0.4), (2, 7), tile=(2, 3), overlap=1)


def _tile(prior: DiffusionPrior, tile: Sequence[int] | None) -> Shape:
    given = None if tile is None else tuple(int(n) for n in tile)
    if prior.shape is None and given is None:
        raise ValueError(f"TiledPrior expects tile=..., since {prior.name} has no shape of its own.")
    if prior.shape is not None and given not in (None, prior.shape):
        raise ValueError(f"TiledPrior got tile {given}, but {prior.name} is for images of shape {prior.shape}.")
    shape = prior.shape if given is None else given
    assert shape is not None
    if not shape or any(n < 1 for n in shape):
        raise ValueError(f"TiledPrior expects positive sizes in tile, got {shape}.")
    return shape


def _overlaps(overlap: int | Sequence[int] | None, tile: Shape) -> Shape:
    """One overlap for each axis."""
    if overlap is None:
        return tuple(t // 4 for t in tile)
    if isinstance(overlap, int) and not isinstance(overlap, bool):
        if not 0 <= overlap < max(tile):
            raise ValueError(f"TiledPrior expects 0 <= overlap < {max(tile)}, the length of a tile, got {overlap}.")
        return tuple(min(overlap, t - 1) for t in tile)
    given = tuple(overlap) if isinstance(overlap, Sequence) else ()
    whole = all(isinstance(o, int) and not isinstance(o, bool) for o in given)
    if len(given) != len(tile) or not whole or not all(0 <= o < t for o, t in zip(given, tile, strict=True)):
        raise ValueError(
            f"TiledPrior expects an overlap for each axis of a tile {tile}, less than its length, got {overlap!r}."
        )
    return given
