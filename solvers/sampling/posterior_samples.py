"""Several samples per item, and their statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil, prod
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.sampling import credible_region, pixelwise
from recon.solvers.sampling.consistency import data_consistency
from recon.solvers.sampling.credible_region import CredibleRegion, RegionShape
from recon.solvers.sampling.diversity import Diversity, diversity
from recon.solvers.sampling.pixelwise import Form, over_pixels
from recon.solvers.sampling.sample_file import mapped


class Interval(NamedTuple):
    """The ends of an interval for every pixel, ``(*batch, *shape)`` each."""

    low: Tensor
    high: Tensor


@dataclass(frozen=True)
class PosteriorSamples:
    """Samples of p(x | y) for every item.

    ``found[s]`` is one sample of every item, ``(*batch, *shape)``, and iterating goes through them one by one. Samples
    may lie in a file, see ``store`` of :func:`sample`: statistics then read it in blocks of pixels. They take complete
    samples only, work in double precision, and treat real and imaginary parts apart where nothing else is said.

    Attributes
    ----------
    samples
        ``(samples, *batch, *shape)``.
    complete
        ``(samples, *batch)``: which of them ran through the schedule; the others are left out of the statistics.
    result
        The run they come from, whose batch is ``(samples, *batch)``.
    calls
        How often the operator (``forward``, ``adjoint``, ``normal``, ``solve_normal``), the denoiser (``denoise``) and
        its adjoint derivative (``vjp``) were called; a call for a batch counts once. Measuring is included.
    calls_per_image
        The same for one sample of one item: how often each was evaluated for it, on the average.
    """

    samples: Tensor
    complete: Tensor
    result: Result
    calls: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    calls_per_image: Mapping[str, float] = field(default_factory=dict, kw_only=True)

    @classmethod
    def of(cls, samples: Tensor | str | Path, *, ndim: int = 2) -> PosteriorSamples:
        """Samples from elsewhere, or from a .npy file as ``store`` of :func:`sample` writes them.

        Parameters
        ----------
        samples
            ``(samples, *batch, *shape)``; those that are not finite are taken not to be complete.
        ndim
            Number of dimensions of one image.
        """
        x = mapped(samples) if isinstance(samples, str | Path) else torch.as_tensor(samples)
        x = x if x.is_floating_point() or x.is_complex() else x.to(torch.get_default_dtype())
        if not 0 < ndim < x.ndim:
            raise ValueError(f"samples (samples, *batch, *shape) of {ndim}-dimensional images expected, got {x.ndim}.")
        size = tuple(x.shape[: x.ndim - ndim])
        axes, rows = tuple(range(-ndim, 0)), max(1, pixelwise.AT_ONCE // max(prod(x.shape[1:]), 1))
        complete = torch.cat([torch.isfinite(part.abs()).all(axes).cpu() for part in x.split(rows)])
        ends = tuple(Reason.COMPLETED if done else Reason.INTERRUPTED for done in complete.flatten().tolist())
        return cls(x, complete, Result(x, ends, torch.zeros(size, dtype=torch.long), {}))

    # ---------------------------------------------------------------- one by one

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Tensor:
        """One sample of every item, as a copy."""
        return self.samples[index].clone()

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    @property
    def count(self) -> Tensor:
        """How many samples of each item are complete, ``batch``."""
        return self.complete.sum(0)

    # ---------------------------------------------------------------- of pixels

    @property
    def mean(self) -> Tensor:
        """Mean of the samples, ``(*batch, *shape)``; NaN where an item has none."""
        return over_pixels(self.samples, self.complete, pixelwise.mean).to(self.samples.dtype)

    @property
    def std(self) -> Tensor:
        """Standard deviation per pixel, with the divisor samples − 1; NaN where an item has fewer than two.

        For complex images that of the complex number, √E|x − E x|².
        """
        squares = over_pixels(self.samples, self.complete, pixelwise.variance)
        total = squares.real + squares.imag if squares.is_complex() else squares
        return total.sqrt().to(self.samples.real.dtype if self.samples.is_complex() else self.samples.dtype)

    def quantiles(self, q: float | Sequence[float]) -> Tensor:
        """Quantiles per pixel, ``(*batch, *shape)`` for a number q and ``(len(q), *batch, *shape)`` for several.

        Another draw lies below the quantile p with probability p for p from 1/(n + 1) to n/(n + 1) (definition 6 of
        Hyndman and Fan); farther out it is the least or the largest sample.
        """
        wanted = torch.as_tensor(q, dtype=torch.float64)
        if wanted.ndim > 1 or not bool(((wanted >= 0) & (wanted <= 1)).all()):
            raise ValueError(f"quantiles expects numbers from 0 to 1, got {q!r}.")
        values = over_pixels(self.samples, self.complete, partial(pixelwise.quantiles, q=wanted.reshape(-1)))
        values = values.to(self.samples.dtype)
        return values if wanted.ndim else values[0]

    def interval(self, level: float = 0.9, form: Form = "quantile") -> Interval:
        """An interval for every pixel in which another draw of the posterior lies with probability ``level``.

        Parameters
        ----------
        form
            ``"quantile"``: between two quantiles with the same probability outside each. ``"student"``: mean ±
            t·s·√(1 + 1/n) with the quantile t of Student's distribution, for posteriors that are nearly Gaussian;
            right from two samples on.

        Errors: ValueError where an item has too few samples for the level.
        """
        self._check(level, form)
        ends = over_pixels(self.samples, self.complete, partial(pixelwise.interval, level=level, form=form))
        return Interval(*ends.to(self.samples.dtype))

    def level_of(self, truth: Tensor, form: Form = "quantile") -> Tensor:
        """For every pixel the least level of an :meth:`interval` that holds the truth; 1 where none does.

        ``truth`` is ``(*batch, *shape)``; values are real, for complex images with a last dimension for the two parts,
        unless all of them are known to be real. For samples of the true posterior they are spread evenly from 0 to 1.
        """
        truth = self._images(truth)
        if self.samples.is_complex() and not bool(self.samples.imag.any()) and not bool(truth.imag.any()):
            samples, truth = self.samples.real, truth.real
        else:
            samples, truth = self._parts(self.samples), self._parts(truth)
        return over_pixels(samples, self.complete, partial(pixelwise.reached, form=form), truth)

    # ---------------------------------------------------------------- of whole images

    def region(self, level: float = 0.9, shape: RegionShape = "ball") -> CredibleRegion:
        """A set around the mean in which another draw lies with probability ``level``, up to O(1/n²).

        A ball, the region of highest density where the posterior is white, or an ellipsoid with the standard deviations
        of the pixels as axes, where the posterior has independent Gaussian pixels. Neither claims to be the smallest.

        Errors: ValueError where an item has too few samples for the level.
        """
        self._check(level, "region")
        return credible_region.region(self.samples, self.complete, self.mean, level, shape)

    def level_of_image(self, truth: Tensor, shape: RegionShape = "ball") -> Tensor:
        """For every item the least level of a :meth:`region` that holds the truth, 1 where none does; ``batch``."""
        return credible_region.level_of(self.samples, self.complete, self.mean, self._images(truth), shape)

    @property
    def diversity(self) -> Diversity:
        """How much the samples differ from each other; see :class:`Diversity`."""
        return diversity(self.samples, self.complete)

    def data_consistency(self, problem: Problem) -> Tensor:
        """E ‖Σ^−½(A X − y)‖²/m per item over the samples X, about 1 where they explain the data; ``batch``.

        Σ is the covariance of the noise, σ² for white noise, and m the number of real measurements that A reaches.
        """
        return data_consistency(self.samples, self.complete, problem)

    def _images(self, truth: Tensor) -> Tensor:
        """Images to compare the samples with, complex where those are; one sentence where they are of another shape."""
        if not isinstance(truth, Tensor):
            raise TypeError(f"images to compare samples with are a tensor, got {type(truth).__name__}.")
        wanted = tuple(self.samples.shape[1:])
        if tuple(truth.shape) != wanted:
            raise ValueError(f"expected images of the samples' shape {wanted}, got {tuple(truth.shape)}.")
        if truth.is_complex() and not self.samples.is_complex():
            raise TypeError("the samples are real, the images to compare them with complex.")
        return truth.to(self.samples.device, self.samples.dtype if self.samples.is_complex() else truth.dtype)

    def _check(self, level: float, form: str) -> None:
        """Refuse levels that so many samples do not reach."""
        if form not in ("quantile", "student", "region"):
            raise ValueError(f"intervals are of the form 'quantile' or 'student', got {form!r}.")
        if not 0 < level < 1:
            raise ValueError(f"expected a level between 0 and 1, got {level!r}.")
        tails = {"quantile": 2, "student": 0, "region": 1}[form]
        wanted = max(2 if form == "student" else 3, ceil(tails / (1 - level) - 1 - 1e-9))
        fewest = int(self.count.min()) if self.count.numel() else wanted
        if fewest < wanted:
            advice = "; form='student' needs two" if form == "quantile" else ""
            raise ValueError(f"a level of {level:g} needs at least {wanted} complete samples, got {fewest}{advice}.")

    @staticmethod
    def _parts(x: Tensor) -> Tensor:
        return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
