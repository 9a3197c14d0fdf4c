"""Translation-invariant estimates by recursive dyadic partitions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from torch import Tensor

from recon.operators.functionals import DyadicPieces
from recon.operators.tensors import is_number
from recon.priors.learned.denoiser import Denoiser
from recon.priors.prior import Prior


class DyadicDenoiser(Denoiser):
    """D(x, σ) = the mean over circular shifts s of S₋ₛ p(Sₛ x), p minimising ‖z − x‖²/2σ² + λ·(cells of z).

    p is the proximal map of :class:`DyadicPartition`; each shift sees other cells, so that their edges vanish from the
    mean. The mean is a denoiser and not the proximal map of any cost that is known: plug-and-play solvers take it,
    solvers with an objective take :class:`DyadicPartition`.

    Parameters
    ----------
    sigma
        Default strength σ > 0, in units of the images.
    lam
        λ > 0, the cost of a cell; of the order of the logarithm of the number of pixels.
    shifts
        How many shifts along each axis, 0, 1, … pixels: a power of two, 2ᵏ, averages all positions of cells up to
        that size.
    dims
        Number of image axes, the last ones.
    nonnegative
        Whether z ≥ 0 as well; for real images.

    Source: Willett and Nowak, IEEE Trans. Med. Imaging 22 (2003) 332, section IV.
    """

    names = ("dyadic_denoiser", "rdp_ti")

    def __init__(
        self, sigma: float = 0.05, lam: float = 5.0, shifts: int = 4, dims: int = 2, nonnegative: bool = False
    ) -> None:
        super().__init__(sigma)
        if not (is_number(lam) and 0 < lam < float("inf")):
            raise ValueError(f"DyadicDenoiser expects a positive number lam, got {lam!r}.")
        for name, value in (("shifts", shifts), ("dims", dims)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"DyadicDenoiser expects {name} >= 1, got {value!r}.")
        self.lam, self.shifts, self.dims, self.nonnegative = float(lam), shifts, dims, bool(nonnegative)

    def denoise(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        if self.nonnegative and x.is_complex():
            raise TypeError("DyadicDenoiser with nonnegative=True takes real images, got complex ones.")
        if x.ndim < self.dims:
            raise ValueError(f"DyadicDenoiser expects images of {self.dims} axes, got shape {tuple(x.shape)}.")
        strength = self.sigma if sigma is None else sigma
        shape = tuple(x.shape[x.ndim - self.dims :])
        tau = self.lam * strength**2
        f, axes = DyadicPieces(shape, self.nonnegative), tuple(range(-self.dims, 0))
        if isinstance(tau, Tensor) and tau.ndim:
            batch = x.shape[: x.ndim - self.dims]
            if tuple(tau.shape) != tuple(batch[: tau.ndim]):
                raise ValueError(
                    f"DyadicDenoiser expects sigma to be a number or one value per item of {tuple(x.shape)}, got shape "
                    f"{tuple(tau.shape)}."
                )
            tau = tau.to(x.real if x.is_complex() else x).reshape(*tau.shape, *(1,) * (len(batch) - tau.ndim))
            tau = tau.expand(batch)
        total = x.new_zeros(x.shape)
        moves = tuple(product(*(range(min(self.shifts, n)) for n in shape)))
        for move in moves:
            estimate = f.prox(x.roll(move, axes), tau)
            total = total + estimate.roll(tuple(-n for n in move), axes)
        return total / len(moves)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.3, 1.0, 2)
        yield cls(0.3, dims=1)
        yield cls(0.3, 1.0, nonnegative=True)
