"""The nonuniform Fourier transform of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import isfinite, prod

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.mri.kernels.nonuniform_sum import nonuniform_sum
from recon.operators.mri.kernels.nufft import LazyPlans
from recon.operators.mri.trajectory import Trajectory


class NUFFT(LinearOperator):
    """y(k) = N^{−½} Σ_n x[n] exp(−2πi k·(n − c)) at any points k, c = N//2 along each axis, N pixels in all.

    Complex images ``(*batch, [nz,] ny, nx)`` to samples ``(*batch, shots, samples)``. At the points (j − N//2)/N it is
    :func:`~recon.operators.mri.fourier.centred_fft`. On the CPU by finufft, each sum on one thread, items dealt out to
    ``torch.get_num_threads()`` of them; on GPUs by cufinufft (extra ``cufinufft``). Plans are kept for the next call.
    Where the points are the same in several planes of the grid of the FFT along z, that FFT is taken.

    Where derivatives of the trajectory's points are tracked, those of results are: in reverse and forward mode, of any
    order, in image and points.

    Parameters
    ----------
    shape
        Shape of one image, ([nz,] ny, nx).
    trajectory
        Where samples are taken, of as many axes as the image; a tensor is taken as :class:`Trajectory` takes it.
    eps
        Relative error asked for; by default 1e-5 in single and 1e-14 in double precision. Single precision adds about
        1e-7 times half the image's width, since that is how exactly it knows the points.

    Errors: ValueError or TypeError where shape and trajectory do not fit.
    """

    names = ("nufft",)

    def __init__(self, shape: Sequence[int], trajectory: Trajectory | Tensor, eps: float | None = None) -> None:
        self.trajectory = trajectory = as_trajectory(trajectory, type(self).__name__)
        if len(shape) != trajectory.ndim:
            raise ValueError(
                f"{type(self).__name__} expects images of {trajectory.ndim} axes for a trajectory of "
                f"{trajectory.ndim}, got shape {tuple(shape)}."
            )
        super().__init__(shape, trajectory.shape)
        self.domain_field = self.range_field = "complex"
        self.eps = checked_eps(eps, type(self).__name__)
        self.scale = prod(self.domain_shape) ** -0.5

    @property
    def count(self) -> int:
        """Number of samples."""
        return prod(self.range_shape)

    @cached_property
    def plans(self) -> LazyPlans:
        """Unscaled sums and their kept plans."""
        points = self.trajectory.points
        return LazyPlans(self.domain_shape, self.eps, None if self.trajectory.learns else points)

    def __call__(self, x: Tensor) -> Tensor:
        if not self.trajectory.learns:
            return super().__call__(x)
        self.check(x, self.domain_shape, self.domain_field)
        return self.differentiable(x, False)

    def adjoint(self, y: Tensor) -> Tensor:
        if not self.trajectory.learns:
            return super().adjoint(y)
        self.check(y, self.range_shape, self.range_field)
        return self.differentiable(y, True)

    def apply(self, x: Tensor) -> Tensor:
        out = self.plans.forward(x.reshape(-1, *self.domain_shape))
        torch.view_as_real(out).mul_(self.scale)  # which is faster than to multiply complex numbers
        return out.reshape(*self.batch_shape(x), *self.range_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        out = self.plans.adjoint(y.reshape(-1, self.count))
        torch.view_as_real(out).mul_(self.scale)
        return out.reshape(*y.shape[: y.ndim - 2], *self.domain_shape)

    def differentiable(self, x: Tensor, adjoint: bool) -> Tensor:
        """A x, or Aᴴ x with ``adjoint``, as a function of x and of the points."""
        wide = x.to(torch.complex64) if x.dtype == torch.complex32 else x
        inside, outside = self.domain_shape, self.range_shape
        if adjoint:
            inside, outside = outside, inside
        items = wide.reshape(-1, prod(inside)) if adjoint else wide.reshape(-1, *inside)
        points = self.trajectory.points.to(x.device)
        sums: Tensor = self.scale * nonuniform_sum(items, points, self.domain_shape, self.plans, adjoint)
        return sums.reshape(*x.shape[: x.ndim - len(inside)], *outside).to(x.dtype)

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in super().__getstate__().items() if key != "plans"}

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        yield cls((6, 7), Trajectory(torch.rand(2, 3, 11, dtype=torch.float64, generator=generator) - 0.5))
        yield cls((5, 4), Trajectory.radial(4, 6), eps=1e-14)
        yield cls((3, 4, 5), Trajectory(torch.rand(3, 2, 13, dtype=torch.float64, generator=generator) - 0.5))
        yield cls((4, 4, 5), Trajectory.stack_of_stars(3, 5, 4))


def as_trajectory(trajectory: Trajectory | Tensor, owner: str) -> Trajectory:
    """A trajectory, or points in cycles per pixel as one."""
    if isinstance(trajectory, Trajectory):
        return trajectory
    if isinstance(trajectory, Tensor) or hasattr(trajectory, "__array__"):
        return Trajectory(torch.as_tensor(trajectory))
    raise TypeError(f"{owner} expects a Trajectory or its points as a tensor, got {type(trajectory).__name__}.")


def checked_eps(eps: float | None, owner: str) -> float | None:
    """A relative error between 0 and 0.1, or None for the default."""
    if eps is None:
        return None
    number = float(eps)
    if not isfinite(number) or not 0 < number <= 0.1:
        raise ValueError(f"{owner} expects eps to be a relative error above 0 and at most 0.1, got {eps!r}.")
    return number
