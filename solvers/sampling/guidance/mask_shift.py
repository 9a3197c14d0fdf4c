"""Null-space diffusion on images larger than the prior, tile after tile."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.downsample import Downsample
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.mask import Mask
from recon.operators.noise import GaussianNoise
from recon.operators.tensors import checked_count
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.tiled_prior import TiledPrior
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.tile_null_space import Restored, local_share, restore
from recon.solvers.sampling.guidance.tile_stages import Stage, place, stages
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Move, plus
from recon.solvers.sampling.prior_samples import start
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.schedule import levels_at
from recon.solvers.solver import BiasClass
from recon.solvers.stopping import MaxIter

MOST_STEPS, MOST_PASSES = 1 << 20, 100

FIRST_DRAW, BACK_DRAW, DRAWS_A_PASS = 16, 17, 32


@dataclass(frozen=True, kw_only=True)
class MaskShift(Sampler):
    """:class:`DDNM` tile by tile, with what earlier tiles have restored as known pixels of later ones.

    The prior is a :class:`recon.priors.TiledPrior`, whose tiles overlap. One tile after another, row by row, runs
    through the whole schedule. With x_K the pixels known from earlier tiles, x_T those of this tile that are not, and
    A_T, y_T the data that depend on x_K and x_T alone, its estimates at every step are

        x̂_K = x_K,        x̂_T = D_T + A_T⁺ (y_T − A_T D_T − A_K x_K),        D = D_tile(u, σ):

    so that a tile continues its neighbours, and A x = y at the end where that can be solved for. Tiles that do not
    depend on each other are restored at once, with the same result. For data without noise; noise passes to the image
    times A_T⁺. Heuristic, like DDNM; for images independent from block to block, tiles made of such blocks draw what
    DDNM with a prior of the whole image draws.

    ``coarse`` is hierarchical restoration: the same on a grid with pixels ``coarse`` times as long comes first, with
    the operator A U, U x̌ each value of x̌ as a block of pixels. The result x̌ holds the finer grid together: before the
    data, block means P x are put to x̌, D ← D + P⁺(x̌ − P D). It takes the prior to hold for coarser images, too.

    The operator must be linear, and each measurement depend on the pixels of one tile only: masks, blocks that are
    averaged, blurs by less than the overlap. Blocks, of data or of a coarse grid, are best not cut by tiles: let the
    length of a tile without its overlap be a multiple of theirs. For other operators use any other method with the
    TiledPrior, which takes all tiles along together.

    Parameters
    ----------
    steps
        Steps of each tile's diffusion; the run has as many times more as there are waves of tiles.
    integrator
        How a tile goes to the next noise level.
    coarse
        Lengths of the coarse grids' pixels, along the axes that are cut, from coarse to fine, each a multiple of the
        next: ``(4,)`` for one global restoration first. Each grid must be as large as a tile.
    passes
        How often each step is taken: noise is added back before each pass but the first (time travel of length one), so
        that new pixels have time to fit known ones. 3 or 6 make errors much smaller, and seams a little.
    cg_rtol, cg_max_iter
        Where conjugate gradients for A_T⁺ stop; measured as ``cg_residual``, ``cg_iterations``.

    The authors' code, for averaged blocks of tiles that overlap by half, imposes the data of the whole tile first and
    the known pixels after them, which is the same where no block straddles these; it starts every tile but the first at
    the last state of the one before instead of at noise; for noisy data its λ is σ_t σ_y/a_t where equation 19 of DDNM+
    has σ_t/(a_t σ_y), and the γ that is computed with it is never used. It has no hierarchical restoration.

    Source: Wang, Yu, Yu and Zhang, Unlimited-size diffusion restoration, CVPR workshops 2023.
    """

    names = ("mask_shift",)
    kind: ClassVar[BiasClass] = "heuristic"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"cg_residual", "cg_iterations"}
    recorded: ClassVar[tuple[str, ...]] = ("cg_residual", "cg_iterations")

    steps: int = 100
    integrator: Integrator = Ancestral()
    coarse: tuple[int, ...] = ()
    passes: int = 1
    cg_rtol: float = 1e-6
    cg_max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.integrator, Integrator):
            raise TypeError(f"MaskShift expects an Integrator, got {type(self.integrator).__name__}.")
        factors = tuple(checked_count(c, "MaskShift", "coarse") for c in self.coarse)
        if any(a <= b or a % b for a, b in pairwise((*factors, 1))):
            raise ValueError(f"MaskShift expects coarse > 1, each a larger multiple of the next, got {factors}.")
        object.__setattr__(self, "coarse", factors)
        if checked_count(self.passes, "MaskShift", "passes") > MOST_PASSES:
            raise ValueError(f"MaskShift expects passes <= {MOST_PASSES}, got {self.passes}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"MaskShift expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "MaskShift", "cg_max_iter")

    def settled(self, problem: Problem) -> MaskShift:
        """This solver, to run as long as the problem's tiles take."""
        waves = sum(len(stage.waves) for stage in self._stages(problem))
        if waves * self.steps >= MOST_STEPS:
            raise ValueError(f"MaskShift takes fewer than {MOST_STEPS} steps in all, got {waves} × {self.steps}.")
        clone = copy.copy(self)
        object.__setattr__(clone, "stop", MaxIter(waves * self.steps))
        return clone

    def require(self, problem: Problem) -> None:
        grids = self._stages(problem)
        super().require(problem)
        A = problem.operator
        if not isinstance(A, LinearOperator):
            raise CapabilityError(f"MaskShift needs a linear operator; {A.name} is nonlinear.")
        for stage in grids:
            share = local_share(problem, stage)
            if share < 1:
                raise CapabilityError(
                    f"MaskShift needs measurements that depend on the pixels of one tile each, and {1 - share:.2g} of "
                    f"those of {A.name} do not: raise the overlap of the TiledPrior, or use another sampler with it."
                )

    # ---------------------------------------------------------------- the state

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        """Nothing restored; every tile starts at noise around ``initial``, by default what the prior takes for zero."""
        state, prior = super().init(problem), self._tiled(problem)
        base = torch.full_like(problem.zeros(), -prior.shift / prior.scale) if initial is None else initial
        grids = self._stages(problem)
        canvas = base.new_zeros((len(base), *grids[0].shape))
        memory = (base, *self._held(grids, 0, None, canvas), *(canvas,) * self.integrator.memory)
        return state._replace(u=canvas, estimate=problem.zeros(), memory=memory)

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        grids, prior = self._stages(problem), self._tiled(problem)
        done = set(state.step.tolist())
        if len(done) > 1:
            raise ValueError("MaskShift takes the items of a batch along together; their numbers of steps differ.")
        at = place(grids, done.pop() if done else 0, self.steps)
        stage, number, base = grids[at.stage], at.stage, state.memory[0]
        before, canvas, memory = self._unpacked(grids, number, state)
        white, count, ended = self.noise(problem, state), len(canvas), at.step == self.steps - 1
        level = levels_at(self.sigmas(problem), [at.step] * count)

        def noise(draw: int, turn: int = 0) -> Tensor:
            return white(DRAWS_A_PASS * turn + draw, canvas)

        u = state.u
        if at.step == 0:
            u = start(prior, level.sigma, noise(FIRST_DRAW)) + stage.to_grid(base) + prior.shift / prior.scale
            memory = (torch.zeros_like(u),) * self.integrator.memory
        found: list[Restored] = []

        def estimate(v: Tensor, here: Level) -> Tensor:
            sigma = here.sigma.to(canvas.real)
            args = stage, at.wave, v, sigma, canvas, before, self.cg_rtol, self.cg_max_iter
            found.append(restore(problem, prior, *args))
            return found[-1].x0

        def run(v: Tensor, turn: int) -> Move:
            def fresh(draw: int, like: Tensor | None = None) -> Tensor:
                return noise(draw, turn)

            return self.integrator.step(estimate, v, level, fresh, memory)

        move, back = run(u, 0), (level.sigma.square() - level.lower.square()).sqrt()
        for turn in range(1, 1 if ended else self.passes):
            move = run(plus(move.u, back, noise(BACK_DRAW, turn)), turn)
        canvas = torch.where(stage.waves.fresh(at.wave, u), move.u if ended else move.x0, canvas)
        image = canvas if stage.spread is None else stage.spread(canvas)
        u, memory = move.u, move.memory
        if ended and at.wave == len(stage.waves) - 1 and number < len(grids) - 1:
            number += 1
            before, canvas = canvas, grids[number].refined(canvas)
            u, memory = canvas, (canvas,) * self.integrator.memory
        worst = torch.stack([each.residual for each in found]), torch.stack([each.iterations for each in found])
        kept = (base, *self._held(grids, number, before, canvas), *memory)
        return SamplerState(u, image, state.step + 1, state.stream, tuple(w.amax(0) for w in worst), kept)

    # ---------------------------------------------------------------- where a run is

    def _tiled(self, problem: Problem) -> TiledPrior:
        if not isinstance(problem.prior, TiledPrior):
            given = "none" if problem.prior is None else problem.prior.name
            raise CapabilityError(f"MaskShift needs a TiledPrior, which says what the tiles are, got {given}.")
        return problem.prior

    def _stages(self, problem: Problem) -> tuple[Stage, ...]:
        return stages(self._tiled(problem), problem.shape, self.coarse)

    @staticmethod
    def _held(grids: tuple[Stage, ...], stage: int, before: Tensor | None, canvas: Tensor) -> tuple[Tensor, ...]:
        """The grids that a state keeps beside its image: the one before, and this one where it is not the last."""
        return (*(() if before is None else (before,)), *(() if stage == len(grids) - 1 else (canvas,)))

    @staticmethod
    def _unpacked(
        grids: tuple[Stage, ...], stage: int, state: SamplerState
    ) -> tuple[Tensor | None, Tensor, tuple[Tensor, ...]]:
        """The grid before, this one, and the integrator's memory."""
        rest = list(state.memory[1:])
        before = rest.pop(0) if stage > 0 else None
        canvas = state.estimate if stage == len(grids) - 1 else rest.pop(0)
        return before, canvas, tuple(rest)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        generator = torch.Generator().manual_seed(0)
        i = torch.arange(4, dtype=torch.float64)
        near = torch.exp(-(i[:, None] - i).abs() / 3)
        tile = GaussianPrior(0.3, covariance=torch.kron(near[:2, :2], near), shape=(2, 4))
        noise = GaussianNoise(0.1)
        mask = Mask(torch.rand(2, 6, generator=generator, dtype=torch.float64) < 0.5)
        for A, coarse, passes in ((mask, (), 2), (Downsample((2, 8), (1, 2), "box"), (2,), 1)):
            x = torch.rand(2, *A.domain_shape, generator=generator, dtype=torch.float64)
            prior = TiledPrior(tile, A.domain_shape, overlap=2)
            yield cls(steps=4, coarse=coarse, passes=passes), Problem(A, noise.sample(A(x), generator), noise, prior)
