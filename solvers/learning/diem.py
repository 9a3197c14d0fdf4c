"""Diffusion priors learned from incomplete data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import get_args

import torch
from torch import Tensor

from recon.operators.tensors import checked_count
from recon.priors.learned.conditioning import condition
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.gaussian import GaussianForm, GaussianPrior
from recon.solvers.learning.denoising_training import DenoisingTraining, trainable
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.mmps import MMPS
from recon.solvers.sampling.integrators.dpm_solver import DPMSolver
from recon.solvers.sampling.sample import sample
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.scatter import scatter

_MMPS, _TRAINING = MMPS(steps=64, integrator=DPMSolver()), DenoisingTraining()


@dataclass(frozen=True)
class LearnedPrior:
    """What :class:`DiEM` learned, and how.

    Attributes
    ----------
    prior
        The prior of the last round.
    gaussian
        The Gaussian prior that the first samples came from.
    images
        The samples it was fitted to, ``(count, *shape)``.
    path
        Per round ``"misfit"``, the mean of the samples' data consistency (1 where they explain the data),
        ``"evidence"``, Σ log p(y) of the prior that they came from where it was asked for, and ``"loss"``, the last
        weighted loss of a network's training.
    """

    prior: DiffusionPrior
    gaussian: GaussianPrior
    images: Tensor
    path: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class DiEM:
    """Expectation maximisation for a diffusion prior p_θ(x), from data y = A x + n alone, each item perhaps with its A:

        draw x_i ~ p_θ(x | y_i) for every item,      θ⁺ = argmax_θ Σ log p_θ(x_i).

    With exact draws the evidence Σ log p_θ(y_i) cannot fall, up to what the draws are few: the maximum over θ is
    the mean and covariance of the draws for a :class:`GaussianPrior`, and denoising score matching for a network. As
    the authors do, a network's first samples come from a Gaussian prior, which is learned in the same way from a white
    one whose mean and variance match those of the data.

    Parameters
    ----------
    sampler
        What draws; MMPS with DPM-Solver++ by default. A sampler that draws too narrow makes the prior too narrow. Its
        ``seed`` counts on from round to round.
    rounds
        Rounds of the prior; of the Gaussian one before a network ``gaussian_rounds``.
    samples
        Draws per item and round.
    form
        Of the Gaussian prior: any ``"covariance"``, independent pixels, ``"std"``, or stationary, ``"spectrum"``.
    training
        How a network is trained in each round, going on from the round before.
    chunk
        Largest number of images at once, see :func:`recon.solvers.sample`.
    evidence
        Whether to compute Σ log p(y) of Gaussian priors, with linear A and white Gaussian noise: a dense matrix of the
        size of the data is factorised for every item.

    Source: Rozet, Andry, Lanusse and Louppe, Learning diffusion priors from observations by expectation maximization,
    NeurIPS 2024, Algorithm 1; their code learns the first Gaussian with a covariance of low rank, from N(0, I), in 16
    rounds.
    """

    sampler: Sampler = _MMPS
    rounds: int = 16
    gaussian_rounds: int = 16
    samples: int = 1
    form: GaussianForm = "covariance"
    training: DenoisingTraining = _TRAINING
    chunk: int | None = None
    evidence: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.sampler, Sampler):
            raise TypeError(f"DiEM expects a Sampler, got {type(self.sampler).__name__}.")
        if self.sampler.kind == "point estimate":
            raise TypeError(f"DiEM needs samples of the posterior; {self.sampler.name} gives a point estimate.")
        if not isinstance(self.training, DenoisingTraining):
            raise TypeError(f"DiEM expects a DenoisingTraining, got {type(self.training).__name__}.")
        for name in ("rounds", "gaussian_rounds", "samples"):
            checked_count(getattr(self, name), "DiEM", name)
        if self.form not in get_args(GaussianForm):
            raise ValueError(f"DiEM expects form 'covariance', 'std' or 'spectrum', got {self.form!r}.")

    def learn(
        self,
        problems: Problem | Sequence[Problem],
        prior: DiffusionPrior | None = None,
        *,
        callback: Callable[[int, DiffusionPrior], None] | None = None,
    ) -> LearnedPrior:
        """Learn from the data of one or several problems, whose own priors do not count.

        Parameters
        ----------
        problems
            Their images have one shape; operator and noise may differ from one to the next.
        prior
            Where to start: a network's prior, of which a trained copy comes back, or a Gaussian one. None is a Gaussian
            one matched to the data.
        callback
            Called as ``callback(round, prior)`` after every round of the prior.
        """
        questions = [problems] if isinstance(problems, Problem) else list(problems)
        shapes = {q.shape for q in questions}
        if len(shapes) != 1:
            raise ValueError(f"DiEM expects problems with images of one shape, got {sorted(shapes)}.")
        network = prior is not None and not isinstance(prior, GaussianPrior)
        if network:
            assert prior is not None
            trainable(prior)
        found: DiffusionPrior = prior if isinstance(prior, GaussianPrior) else matched_gaussian(questions)
        gaussian, rows = found, list[dict[str, float]]()
        seed, images = self.sampler.seed, torch.empty(0)
        for number in range(self.gaussian_rounds if network else self.rounds):
            row = {"evidence": self._evidence(questions, found)} if self.evidence else {}
            images, row["misfit"] = self._draw(questions, found, seed)
            found = gaussian = GaussianPrior.fit(images, self.form)
            seed += 1
            if not network:
                rows.append(row)
                if callback is not None:
                    callback(number, found)
        for number in range(self.rounds if network else 0):
            images, misfit = self._draw(questions, found, seed)
            seed += 1
            assert prior is not None
            start = prior if number == 0 else found
            training = replace(self.training, seed=self.training.seed + number)
            found, losses = training.run(start, images)
            tail = losses[-max(1, len(losses) // 10) :]
            rows.append({"misfit": misfit, "loss": float(tail.mean())})
            if callback is not None:
                callback(number, found)
        path = {key: torch.tensor([row[key] for row in rows], dtype=torch.float64) for key in rows[0]}
        assert isinstance(gaussian, GaussianPrior)
        return LearnedPrior(found, gaussian, images, path)

    def _draw(self, questions: Sequence[Problem], prior: DiffusionPrior, seed: int) -> tuple[Tensor, float]:
        """Samples of all items, ``(count, *shape)``, and the mean of their data consistency."""
        images, fits, first = list[Tensor](), list[Tensor](), 0
        for question in questions:
            problem = replace(question, prior=prior)
            count = prod(problem.batch)
            drawn = sample(
                replace(self.sampler, seed=seed),
                problem,
                self.samples,
                items=range(first, first + count),
                chunk=self.chunk,
            )
            first += count
            if not bool(drawn.complete.any()):
                raise RuntimeError(f"{self.sampler.name} gave no complete sample under {prior.name}.")
            images.append(drawn.samples[drawn.complete.to(drawn.samples.device)])
            fits.append(drawn.data_consistency(problem).flatten().double().cpu())
        return torch.cat(images), float(torch.cat(fits).nanmean())

    @staticmethod
    def _evidence(questions: Sequence[Problem], prior: DiffusionPrior) -> float:
        assert isinstance(prior, GaussianPrior)
        total = 0.0
        for question in questions:
            flat = question.flatten()
            levels = scatter(flat, flat.data).white
            if levels is None:
                raise ValueError("DiEM computes the evidence for white Gaussian noise only; leave out evidence=True.")
            for y, level in zip(flat.data, levels, strict=True):
                total += float(condition(prior, flat.linear, y, float(level.sqrt()))[1])
        return total


def matched_gaussian(questions: Sequence[Problem]) -> GaussianPrior:
    """N(c, s²I) with c and s² such that the data have the mean and the mean square that they have, up to few draws.

    c minimises Σ‖y − A c1‖², and s² = (Σ‖y − A c1‖² − tr Σ_y)/Σ‖A‖_F², with ‖A‖_F² estimated from white images; at
    least a hundredth of the mean square of y over that of A.
    """
    dot = square = power = excess = gain = 0.0
    generator = torch.Generator().manual_seed(0)
    for question in questions:
        flat = question.flatten()
        A, y = flat.operator, flat.data
        ones = A(torch.ones((1, *flat.shape), dtype=flat.dtype, device=y.device))
        white = torch.randn((16, *flat.shape), generator=generator, dtype=torch.float64).to(y.device, flat.dtype)
        reals = 2 if y.is_complex() else 1
        dot += float((ones.conj() * y).real.sum())
        square += float(ones.abs().square().sum()) * len(y)
        power += float(y.abs().square().sum())
        gain += float(A(white).abs().square().sum()) / 16 * len(y) * (2 if flat.dtype.is_complex else 1)
        excess -= float(scatter(flat, y).variance.sum()) * y[0].numel() * reals
    c = dot / square if square > 0 else 0.0
    variance = (power - c * dot + excess) / gain if gain > 0 else 1.0
    least = 0.01 * power / gain if gain > 0 else 1.0
    return GaussianPrior(c, std=max(variance, least, 1e-12) ** 0.5, shape=questions[0].shape)
