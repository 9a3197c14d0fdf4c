"""Whether posterior samples know how wrong they are."""

from __future__ import annotations

import torch
from torch import Tensor


def coverage(samples: Tensor, truth: Tensor, *, level: float = 0.9) -> float:
    """The share of pixels whose true value lies in the interval that the samples predict for it.

    The interval is mean ± t·s·√(1 + 1/n), s the standard deviation of the n samples (divisor n − 1) and t the quantile
    of Student's distribution with n − 1 degrees of freedom. Where samples and truth come from one Gaussian, whatever
    its mean and variance, the expected share is ``level`` for every n; more says that the samples spread too far, less
    that they are too sure. Real and imaginary parts count separately, and only the former where all numbers are real.

    Parameters
    ----------
    samples
        ``(n, *shape)``, n >= 2.
    truth
        ``shape``.
    level
        What the share should be.
    """
    from scipy.stats import t as student

    if len(samples) < 2:
        raise ValueError(f"coverage expects at least two samples, got {len(samples)}.")
    if not 0 < level < 1:
        raise ValueError(f"coverage expects 0 < level < 1, got {level!r}.")
    drawn, known = comparable(samples, truth)
    n = len(drawn)
    reach = float(student.ppf((1 + level) / 2, n - 1)) * (1 + 1 / n) ** 0.5
    inside = (known - drawn.mean(0)).abs() <= reach * drawn.std(0)
    return float(inside.double().mean())


def spread(samples: Tensor) -> float:
    """The standard deviation of posterior samples per pixel, root mean square over the image.

    For samples of the true posterior its square is the expected mean squared error of their exact mean.
    """
    if len(samples) < 2:
        raise ValueError(f"spread expects at least two samples, got {len(samples)}.")
    wide = samples.detach().to(torch.complex128 if samples.is_complex() else torch.float64)
    square = (wide - wide.mean(0)).abs().square().sum(0) / (len(wide) - 1)
    return float(square.mean().sqrt())


def comparable(samples: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Both as real numbers in double precision, with a last dimension for the two parts unless all numbers are real."""
    both = [x.detach().to(torch.complex128 if x.is_complex() else torch.float64) for x in (samples, truth)]
    if not any(x.is_complex() and bool(x.imag.any()) for x in both):
        return both[0].real, both[1].real
    drawn, known = (torch.view_as_real(x.to(torch.complex128).resolve_conj()) for x in both)
    return drawn, known
