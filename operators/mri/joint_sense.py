"""Image and coil sensitivities as unknowns alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.mri.cartesian_entries import gain_of, mask_array
from recon.operators.mri.coil_vectors import interpolated
from recon.operators.mri.fourier import centring_ramps
from recon.operators.mri.masks.sampling_pattern import SamplingPattern
from recon.operators.operator import Operator


class JointSENSE(Operator):
    """(x, ĉ) ↦ y_j = M F (x ⊙ c_j),   c_j = F⁻¹ (w ⊙ ĉ_j),   w(k) = (1 + a |k|²)^{−b/2}, k in cycles per pixel.

    Complex ``(*batch, 1 + coils, [nz,] ny, nx)``, the image first, to k-space ``(*batch, coils, [nz,] ny, nx)``.
    A squared norm of ĉ is a Sobolev norm of the sensitivities c, which keeps them smooth. A is bilinear, so that its
    derivative is

    DA(x, ĉ)[dx, dĉ]_j = M F (dx ⊙ c_j + x ⊙ F⁻¹ (w ⊙ dĉ_j)).

    Regularised Gauss-Newton from :meth:`initial` gives image and maps together (nonlinear inversion). Image and maps
    have a common factor that no data determine; :meth:`image` and :meth:`coil_maps` take it so that Σ_c |S_c|² = 1.

    Parameters
    ----------
    mask
        1 where k-space is sampled and 0 elsewhere, broadcast against one image, or a sampling pattern.
    coils
        Number of coils.
    shape
        Shape of one image.
    smoothness, order
        a and b; several numbers a for 1 + Σ_d a_d k_d², in the order of the axes of ``shape``.

    Errors: ValueError where mask, shape and smoothness do not fit, or for no coils.

    Source: M. Uecker et al., Magn. Reson. Med. 60 (2008) 674, whose a = 220 and b = 32 (in the code of BART) these are.
    """

    names = ("joint_sense", "nlinv")

    def __init__(
        self,
        mask: Tensor | SamplingPattern,
        coils: int,
        shape: Sequence[int],
        smoothness: float | Sequence[float] = 220.0,
        order: float = 32.0,
    ) -> None:
        image = tuple(int(n) for n in shape)
        smooth = (smoothness,) * len(image) if isinstance(smoothness, (int, float)) else tuple(smoothness)
        if coils < 1 or coils % 1 or len(image) not in (2, 3) or not all(s >= 0 for s in (*smooth, order)):
            raise ValueError(
                "JointSENSE expects at least one of coils, the shape (ny, nx) or (nz, ny, nx) and smoothness and order "
                f"of at least 0, got {coils}, {image}, {smoothness} and {order:g}."
            )
        if len(smooth) != len(image):
            raise ValueError(f"JointSENSE expects smoothness for each of {len(image)} axes, or one, got {smoothness}.")
        mask = mask_array(mask(image) if isinstance(mask, SamplingPattern) else mask, "JointSENSE")
        if mask.is_complex() or not bool(((mask == 0) | (mask == 1)).all()) or not bool(mask.any()):
            raise ValueError("JointSENSE expects a mask of zeros and ones, 1 where k-space is sampled, not all zero.")
        if mask.ndim > len(image) or any(
            m not in (1, n) for m, n in zip(reversed(mask.shape), reversed(image), strict=False)
        ):
            raise ValueError(
                f"JointSENSE expects a mask that broadcasts against images of shape {image}, got {tuple(mask.shape)}."
            )
        super().__init__((1 + coils, *image), (coils, *image))
        self.domain_field = self.range_field = "complex"
        self.ndim = len(image)
        self.dims = tuple(range(-self.ndim, 0))
        self.mask = mask.bool().expand(image)
        axes = [(torch.arange(n, dtype=torch.float64) - n // 2) / n for n in image]
        scaled = [s * axis.square() for s, axis in zip(smooth, axes, strict=True)]
        self.weights = (1 + torch.stack(torch.meshgrid(*scaled, indexing="ij")).sum(0)) ** (-order / 2)
        # With ramps p and q, F = q fft p, the products p c_j = ifft(q̄ w ĉ_j) need neither p nor shifts.
        p, q = centring_ramps(image)
        self._centre = p.conj().resolve_conj()
        self._sampling = self.mask * q
        self._gain = gain_of(self.mask, self.dims, False)
        self._sampling_conjugate = self._sampling.conj().resolve_conj()
        self._smoothing = self.weights * q.conj().resolve_conj()
        self._smoothing_conjugate = self.weights * q

    def _parts(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The image ``(..., 1, *shape)`` and p c, ``(..., coils, *shape)``."""
        axis = -1 - self.ndim
        image, coefficients = u.narrow(axis, 0, 1), u.narrow(axis, 1, u.shape[axis] - 1)
        return image, torch.fft.ifftn(self.constant("_smoothing", u) * coefficients, dim=self.dims, norm="ortho")

    def _sampled(self, z: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.fftn(z, dim=self.dims, norm="ortho")
        return self.constant("_sampling", z) * spectrum

    def apply(self, x: Tensor) -> Tensor:
        image, coils = self._parts(x)
        return self._sampled(image * coils)

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(v, self.domain_shape, self.domain_field)
        return self._push(*self._parts(x), v)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(w, self.range_shape, self.range_field)
        return self._pull(*self._parts(x), w)

    def gauss_newton(self, x: Tensor, middle: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor], Tensor]:
        self.check(x, self.domain_shape, self.domain_field)
        image, coils = self._parts(x)
        if middle is None:
            return lambda v: self._gathered(image, coils, self._gram(self._moved(image, coils, v)))
        return lambda v: self._pull(image, coils, middle(self._push(image, coils, v)))

    def _push(self, image: Tensor, coils: Tensor, v: Tensor) -> Tensor:
        return self._sampled(self._moved(image, coils, v))

    def _pull(self, image: Tensor, coils: Tensor, w: Tensor) -> Tensor:
        back = torch.fft.ifftn(self.constant("_sampling_conjugate", w) * w, dim=self.dims, norm="ortho")
        return self._gathered(image, coils, back)

    def _gram(self, z: Tensor) -> Tensor:
        """Fᴴ M F z, with transforms along the axes on which the mask depends only."""
        axes = tuple(a for a in self.dims if self._gain.shape[a] > 1)
        if not axes:
            return z
        spectrum = torch.fft.fftn(z, dim=axes).mul_(self.constant("_gain", z))
        image: Tensor = torch.fft.ifftn(spectrum, dim=axes)
        return image

    def _moved(self, image: Tensor, coils: Tensor, v: Tensor) -> Tensor:
        """p (dx ⊙ c + x ⊙ dc) for v = (dx, dĉ)."""
        d_image, d_coils = self._parts(v)
        return (d_image * coils).addcmul_(image, d_coils)

    def _gathered(self, image: Tensor, coils: Tensor, back: Tensor) -> Tensor:
        """The adjoint of :meth:`_moved`."""
        axis = -1 - self.ndim
        d_image = (coils.conj() * back).sum(axis, keepdim=True)
        d_coils = torch.fft.fftn(image.conj() * back, dim=self.dims, norm="ortho")
        return torch.cat([d_image, self.constant("_smoothing_conjugate", back) * d_coils], axis)

    def initial(self, like: Tensor) -> Tensor:
        """Where to start from: an image of ones and no sensitivities, for data ``(*batch, *range_shape)``."""
        self.check(like, self.range_shape, self.range_field)
        start = like.new_zeros((*like.shape[: like.ndim - len(self.range_shape)], *self.domain_shape))
        start.narrow(-1 - self.ndim, 0, 1).fill_(1)
        return start

    def image(self, u: Tensor) -> Tensor:
        """x (Σ_c |c_c|²)^½, ``(*batch, *shape)``."""
        image, coils = self._parts(u)
        size: Tensor = torch.linalg.vector_norm(coils, dim=-1 - self.ndim)
        return image.squeeze(-1 - self.ndim) * size

    def coil_maps(self, u: Tensor, shape: Sequence[int] | None = None) -> Tensor:
        """c / (Σ_c |c_c|²)^½, ``(*batch, coils, *shape)``; 0 where there is none.

        With ``shape``, on finer pixels of the same field of view: as w leaves few frequencies to sensitivities, the
        centre of k-space is enough to find them.
        """
        axis = -1 - self.ndim
        if shape is None:
            coils = self.constant("_centre", u) * self._parts(u)[1]
        else:
            finer = tuple(int(n) for n in shape)
            if len(finer) != self.ndim or any(n < m for n, m in zip(finer, self.domain_shape[1:], strict=True)):
                raise ValueError(f"coil_maps expects a shape of at least {self.domain_shape[1:]}, got {finer}.")
            self.check(u, self.domain_shape, self.domain_field)
            coils = interpolated(self.constant("weights", u) * u.narrow(axis, 1, u.shape[axis] - 1), finer)
        size = torch.linalg.vector_norm(coils, dim=axis, keepdim=True)
        return coils * torch.where(size > 0, size, torch.inf).reciprocal()

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(torch.tensor([1, 0, 1, 1]), 2, (5, 4), smoothness=2.0, order=2.0)
        yield cls(torch.ones(1), 1, (2, 3, 2), smoothness=(1.0, 2.0, 0.5), order=1.0)
