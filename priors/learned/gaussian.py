"""Gaussian images: the prior whose denoiser, posterior and samples are known in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from recon.operators.covariance import Covariance, broadcast, in_double
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.priors.learned.conditioning import condition
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.prior import Prior

GaussianForm = Literal["covariance", "std", "spectrum"]


class GaussianPrior(DiffusionPrior):
    """x₀ ~ N(m, C), with D(u, σ) = m + C (C + σ²I)⁻¹ (u − m).

    Complex images have independent real and imaginary parts of covariance C each where C is real; in general
    E (x − m)(x − m)ᴴ = 2C.

    Parameters
    ----------
    mean
        m, a number or an image.
    std
        C = diag(std²): a number or an image; 1 where no form of C is given.
    covariance
        C as a dense (d, d) matrix on flattened images.
    spectrum
        Eigenvalues of a stationary periodic C, laid out as by ``torch.fft.fftn``: nonnegative and even.
    shape
        Shape of one image; by default that of the parameters, or any where all of them are numbers.
    sigma
        Default strength as a plug-and-play denoiser.
    """

    names = ("gaussian_prior", "gaussian")

    def __init__(
        self,
        mean: float | Tensor = 0.0,
        *,
        std: float | Tensor | None = None,
        covariance: Tensor | None = None,
        spectrum: Tensor | None = None,
        shape: Sequence[int] | None = None,
        sigma: float = 0.05,
    ) -> None:
        if sum(form is not None for form in (std, covariance, spectrum)) > 1:
            raise ValueError("GaussianPrior expects one of std, covariance and spectrum.")
        m = in_double(mean, "GaussianPrior", "mean")
        super().__init__(_shape(m, std, covariance, spectrum, shape), sigma)
        if self.shape is not None and not _fits(m, self.shape):
            raise ValueError(f"GaussianPrior got a mean of shape {tuple(m.shape)} for images of shape {self.shape}.")
        self.mean = m if self.shape is None else m.expand(self.shape).clone()
        self.covariance = _covariance(std, covariance, spectrum, self.shape)
        if self.covariance.is_complex or m.is_complex():
            self.field = "complex"

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        m = self.mean_as(u)
        variances = self.covariance.values(u)
        total = variances + sigma**2
        gains = torch.where(total > 0, variances / torch.where(total > 0, total, 1), 1.0)
        return m + self.covariance.filter(u - m, gains)

    def log_evidence(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        """log p(u) of u = x₀ + σ z per item, without the factor of 2π; a tensor σ broadcasts against u."""
        return self.covariance.log_density(u - self.mean_as(u), sigma**2)

    def posterior(self, operator: LinearOperator, data: Tensor, sigma: float) -> GaussianPrior:
        """p(x₀ | y) for y = A x₀ + σ n, one item of data, as a Gaussian with a dense covariance.

        mean m + C Aᴴ (A C Aᴴ + σ²I)⁻¹ (y − A m), covariance C − C Aᴴ (A C Aᴴ + σ²I)⁻¹ A C, in double precision.
        """
        return condition(self, operator, data, sigma)[0]

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent images ``(count, *shape)`` in double precision."""
        if self.shape is None:
            raise ValueError("GaussianPrior needs a shape to sample from; give shape=...")
        dtype = torch.complex128 if self.field == "complex" else torch.float64
        size = (count, *self.shape)
        z = torch.randn((*size, 2) if dtype.is_complex else size, generator=generator, dtype=torch.float64)
        white = torch.view_as_complex(z) if dtype.is_complex else z
        return self.mean + self.covariance.filter(white, self.covariance.values(white).sqrt())

    @classmethod
    def fit(cls, images: Tensor, form: GaussianForm = "covariance", *, sigma: float = 0.05) -> GaussianPrior:
        """The Gaussian of greatest likelihood for images ``(count, *shape)``: their mean and covariance, divisor count.

        Parameters
        ----------
        form
            ``"covariance"``, any C, up to 4096 pixels; ``"std"``, independent pixels; ``"spectrum"``, a stationary
            periodic field, with one mean for all pixels.
        """
        if form not in get_args(GaussianForm):
            raise ValueError(f"GaussianPrior.fit expects form 'covariance', 'std' or 'spectrum', got {form!r}.")
        if images.ndim < 2 or len(images) < 2:
            raise ValueError(f"GaussianPrior.fit expects at least two images, got shape {tuple(images.shape)}.")
        x = images.to("cpu", torch.complex128 if images.is_complex() else torch.float64)
        shape, parts = tuple(x.shape[1:]), 2 if x.is_complex() else 1
        mean = x.mean(0)
        if form == "std":
            return cls(mean, std=((x - mean).abs().square().mean(0) / parts).sqrt(), sigma=sigma)
        if form == "spectrum":
            mean, dims = mean.mean().expand(shape), tuple(range(len(shape)))
            away = torch.fft.fftn(x - mean, dim=tuple(d + 1 for d in dims), norm="ortho")
            power = away.abs().square().mean(0) / parts
            even = (power + torch.roll(power.flip(dims), (1,) * len(dims), dims)) / 2
            return cls(mean, spectrum=even, sigma=sigma)
        flat = (x - mean).flatten(1)
        return cls(mean, covariance=flat.mT @ flat.conj() / len(x) / parts, shape=shape, sigma=sigma)

    def mean_as(self, like: Tensor) -> Tensor:
        """m on the device and in the precision of ``like``."""
        dtype = like.dtype if self.mean.is_complex() or not like.is_complex() else like.real.dtype
        return self.mean.to(device=like.device, dtype=dtype)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        generator = torch.Generator().manual_seed(0)
        root = torch.randn(6, 6, generator=generator)
        yield cls(0.5, std=2.0)
        yield cls(torch.linspace(-1, 1, 6).reshape(2, 3), std=torch.linspace(0, 1, 6).reshape(2, 3))
        yield cls(covariance=root @ root.T, shape=(2, 3))
        k = torch.fft.fftfreq(5)
        yield cls(spectrum=1 / (0.1 + k[:, None] ** 2 + k[None, :] ** 2), mean=0.2)


def _shape(
    mean: Tensor,
    std: float | Tensor | None,
    covariance: Tensor | None,
    spectrum: Tensor | None,
    shape: Sequence[int] | None,
) -> Shape | None:
    if shape is not None:
        return tuple(shape)
    sizes = [tuple(torch.as_tensor(v).shape) for v in (mean, std, spectrum) if v is not None]
    found = broadcast(sizes) or None
    return (len(covariance),) if found is None and covariance is not None else found


def _fits(parameter: Tensor, shape: Shape) -> bool:
    size = tuple(parameter.shape)
    return len(size) <= len(shape) and all(a in (1, b) for a, b in zip(size[::-1], shape[::-1], strict=False))


def _covariance(
    std: float | Tensor | None, covariance: Tensor | None, spectrum: Tensor | None, shape: Shape | None
) -> Covariance:
    if covariance is None and spectrum is None:
        result = Covariance.from_std(1.0 if std is None else std, shape, "GaussianPrior")
        if shape is not None and not _fits(result.eigenvalues, shape):
            raise ValueError(
                f"GaussianPrior got a std of shape {tuple(result.eigenvalues.shape)} for images of shape {shape}."
            )
        return result
    assert shape is not None
    if covariance is not None:
        return Covariance.from_matrix(covariance, shape, "GaussianPrior")
    assert spectrum is not None
    return Covariance.from_spectrum(spectrum, shape, "GaussianPrior")
