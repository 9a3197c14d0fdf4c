"""MRI off resonance: phase and decay that go on while samples are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import pi

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.checked_scan import checked_scan
from recon.operators.mri.noncartesian import NonCartesianMRI
from recon.operators.mri.segmentation import Method, segments
from recon.operators.mri.trajectory import Trajectory
from recon.operators.tensors import checked_count, fixed, is_number

LONGEST = 1.0
"""Longest time in s at which a sample may be taken: longer ones are in other units."""


class OffResonanceMRI(LinearOperator):
    """y(t) = Σ_n S[n] x[n] exp(−(R₂*[n] + 2πi B₀[n]) t) exp(−2πi k(t)·n), the scan being any of Cartesian or other MRI.

    Complex images to k-space, of the shapes of the scan A₀. With L segments,

        exp(−(R₂*[n] + 2πi B₀[n]) t) ≈ Σ_l b_l(t) c_l[n],    A = Σ_l diag(b_l) A₀ diag(c_l),

    at the cost of L scans. By time, c_l = exp(−(R₂* + 2πi B₀) τ_l) at times τ_l; by frequency, b_l = exp(−ζ_l t) at
    frequencies; the other factor is that of least squares. There are as many segments as ``tol`` asks for. The largest
    error of the sum, over all voxels and samples, is at most :attr:`error`, so that no sample of a coil is off by more
    than ``error`` · N^{−½} Σ_n |S[n] x[n]|, N pixels. The adjoint is exact: that of the sum.

    Parameters
    ----------
    scan
        A₀, such as :class:`CartesianMRI` or :class:`NonCartesianMRI`, with its coil maps; any linear operator on
        complex images, also one of your own.
    b0
        B₀ in Hz, real, broadcast against the images of the scan. Where it is positive the phase falls with time.
    times
        When each sample is taken, t in s from the moment at which the image is meant: ``(samples,)``, ``(shots,
        samples)``, or whatever broadcasts against the data of the scan. For the phase of an echo to be part of the
        image, count from the echo; times may be negative, and are 1 s at most.
    r2_star
        R₂* in 1/s, real and nonnegative, broadcast against the images; None for none.
    segmentation
        ``"time"`` or ``"frequency"``.
    tol
        Largest error asked for.
    count
        Number of segments instead.

    Attributes
    ----------
    error
        Bound on the error of the sum over segments.
    count
        L.

    Errors: ValueError where maps and times do not fit the scan, for times beyond 1 s, such as milliseconds, or for a
    ``tol`` that 64 segments do not reach; TypeError for a scan that is no linear operator on complex images.

    Sources: D. Noll et al., IEEE Trans. Med. Imaging 10 (1991) 629 (by time); L.-C. Man et al., Magn. Reson. Med. 37
    (1997) 785 (by frequency); B. P. Sutton et al., IEEE Trans. Med. Imaging 22 (2003) 178 (least squares, histogram).
    """

    names = ("off_resonance_mri",)

    def __init__(
        self,
        scan: LinearOperator,
        b0: Tensor,
        times: Tensor | Sequence[float],
        r2_star: Tensor | None = None,
        segmentation: Method = "time",
        tol: float = 1e-4,
        count: int | None = None,
    ) -> None:
        checked_scan(scan, "OffResonanceMRI")
        super().__init__(scan.domain_shape, scan.range_shape)
        self.domain_field = self.range_field = "complex"
        if segmentation not in ("time", "frequency"):
            raise ValueError(f"OffResonanceMRI expects segmentation 'time' or 'frequency', got {segmentation!r}.")
        if not is_number(tol) or not 0 < tol < 1:
            raise ValueError(f"OffResonanceMRI expects tol between 0 and 1, got {tol!r}.")
        count = None if count is None else checked_count(count, "OffResonanceMRI", "count")
        decay = torch.zeros(()) if r2_star is None else r2_star
        rates = torch.complex(self._map(decay, "r2_star"), 2 * pi * self._map(b0, "b0"))
        if bool((rates.real < 0).any()):
            raise ValueError(f"OffResonanceMRI expects r2_star of at least 0, got {float(rates.real.min()):g}.")
        moments = fixed(times, "OffResonanceMRI", "times")
        if moments.is_complex() or not _fits(moments, scan.range_shape):
            raise ValueError(
                f"OffResonanceMRI expects times, in s, that broadcast against data of shape {scan.range_shape}, got "
                f"shape {tuple(moments.shape)}."
            )
        if float(moments.abs().max()) > LONGEST:
            raise ValueError(
                f"OffResonanceMRI expects times in s, none beyond {LONGEST:g} s, got {float(moments.min()):g} to "
                f"{float(moments.max()):g}; divide milliseconds by 1000."
            )
        self.scan, self.segmentation, self.times = scan, segmentation, moments
        found = segments(rates, moments, segmentation, tol, count)
        self._temporal, self._spatial, self.error = found
        self.count = len(found.temporal)

    def _map(self, value: Tensor, name: str) -> Tensor:
        found = fixed(value, "OffResonanceMRI", name)
        if found.is_complex() or not _fits(found, self.domain_shape):
            raise ValueError(
                f"OffResonanceMRI expects a real {name} that broadcasts against images of shape {self.domain_shape}, "
                f"got {'a complex one' if found.is_complex() else tuple(found.shape)}."
            )
        return found.double()

    @cached_property
    def _temporal_conjugate(self) -> Tensor:
        return self._temporal.conj().resolve_conj()

    @cached_property
    def _spatial_conjugate(self) -> Tensor:
        return self._spatial.conj().resolve_conj()

    def apply(self, x: Tensor) -> Tensor:
        return _sum(self.scan, x, self.constant("_spatial", x), self.constant("_temporal", x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        before, after = self.constant("_temporal_conjugate", y), self.constant("_spatial_conjugate", y)
        return _sum(self.scan.adjoint, y, before, after)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        maps = torch.randn(2, 4, 5, dtype=torch.complex64, generator=generator)
        b0 = 200 * torch.randn(4, 5, generator=generator)
        scan = CartesianMRI(torch.tensor([1, 0, 1, 1])[:, None], maps)
        yield cls(scan, b0, [0.0, 0.001, 0.002, 0.003, 0.004], tol=1e-2)
        spokes = Trajectory.golden_angle(3, 8)
        decay = 40 * torch.rand(4, 5, generator=generator)
        yield cls(NonCartesianMRI(spokes, maps), b0, torch.linspace(-0.003, 0.003, 8), decay, "frequency", 0.05)
        yield cls(NonCartesianMRI(spokes, shape=(4, 5)), b0[:, :1], torch.linspace(0, 0.004, 24).reshape(3, 8), count=3)


def _sum(scan: Callable[[Tensor], Tensor], x: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Σ_l after_l ⊙ scan(before_l ⊙ x)."""
    total = after[0] * scan(before[0] * x)
    for first, last in zip(before[1:], after[1:], strict=True):
        part = scan(first * x)
        total.addcmul_(part, last.expand_as(part))
    return total


def _fits(value: Tensor, shape: Sequence[int]) -> bool:
    sizes = zip(reversed(value.shape), reversed(shape), strict=False)
    return value.ndim <= len(shape) and all(n in (1, m) for n, m in sizes)
