"""Non-Cartesian MRI with one or many receive coils."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from recon.operators.evaluate import evaluate
from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import LinearOperator
from recon.operators.mri.coil_sums import add_coils, coil_blocks
from recon.operators.mri.nufft import NUFFT, as_trajectory
from recon.operators.mri.scan_entries import scan_entries
from recon.operators.mri.toeplitz import ToeplitzGram
from recon.operators.mri.trajectory import Trajectory
from recon.operators.operator import Shape


class NonCartesianMRI(LinearOperator):
    """y_c(k) = N^{−½} Σ_n S_c[n] x[n] exp(−2πi k·(n − c)): coil sensitivities S_c, then samples at any points k.

    Complex images ``(*batch, [nz,] ny, nx)`` to k-space ``(*batch, coils, shots, samples)``, without the coil dimension
    where there are no maps (S = 1); series and stacks of slices ``(*batch, frames, ny, nx)`` to
    ``(*batch, frames, coils, shots, samples)``. Image centre at N//2 of every axis; Cartesian points give what
    :class:`~recon.operators.mri.cartesian.CartesianMRI` gives. The transform is
    :class:`~recon.operators.mri.nufft.NUFFT`, and :meth:`normal` is
    :class:`~recon.operators.mri.toeplitz.ToeplitzGram`, which is exact whatever ``eps`` is. Density compensation is a
    weight W of the data term, or of :meth:`gram`, never part of A.

    Where derivatives of the trajectory's points are tracked, those of results are, and :meth:`normal` is Aᴴ after A.

    Parameters
    ----------
    trajectory
        Where samples are taken; a tensor is taken as :class:`Trajectory` takes it.
    coil_maps
        S, complex, ``(coils, [nz,] ny, nx)``, or one such for each slice of a stack; None for a single coil of
        sensitivity 1.
    shape
        Shape of one image; by default that of the maps.
    eps
        Relative error of the nonuniform transform; by default 1e-5 in single and 1e-14 in double precision.
    frames
        Number of frames of a series, each of which has its share of the trajectory's shots, in their order.

    Errors: ValueError or TypeError where trajectory, maps, shape and frames do not fit.
    """

    names = ("noncartesian_mri",)

    def __init__(
        self,
        trajectory: Trajectory | Tensor,
        coil_maps: Tensor | None = None,
        shape: Sequence[int] | None = None,
        eps: float | None = None,
        frames: int | None = None,
    ) -> None:
        self.trajectory = as_trajectory(trajectory, "NonCartesianMRI")
        entries = scan_entries(self.trajectory, coil_maps, shape, frames, "NonCartesianMRI")
        self.transforms = tuple(NUFFT(entries.image, part, eps) for part in entries.trajectories)
        samples = entries.trajectories[0].shape
        super().__init__((*entries.stack, *entries.image), (*entries.stack, *entries.coils, *samples))
        self.domain_field = self.range_field = "complex"
        self.coil_maps, self.frames = entries.coil_maps, frames
        self._image, self._coils, self._sliced = entries.image, entries.coils, entries.sliced
        self._entries = entries.stack[0] if entries.stack else 1

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], *, coil_maps: Any = None, trajectory: Any, **_: Any) -> Shape:
        """Shape of one image: that of the maps, without which samples do not tell it."""
        if coil_maps is None:
            raise ValueError(
                "NonCartesianMRI needs the shape ([nz,] ny, nx) of the image, or coil_maps, which tell it."
            )
        return tuple(coil_maps.shape[-as_trajectory(trajectory, "NonCartesianMRI").ndim :])

    @cached_property
    def _conjugate_maps(self) -> Tensor:
        assert self.coil_maps is not None
        return self.coil_maps.conj().resolve_conj()

    def _transform(self, entry: int) -> NUFFT:
        return self.transforms[entry % len(self.transforms)]

    def _maps(self, key: str, like: Tensor, entry: int) -> Tensor:
        maps = self.constant(key, like)
        return maps[entry] if self._sliced else maps

    # ---------------------------------------------------------------- forward, adjoint, normal

    def __call__(self, x: Tensor) -> Tensor:
        if not self.trajectory.learns:
            return super().__call__(x)
        self.check(x, self.domain_shape, self.domain_field)
        ndim = len(self._image)
        images = x.reshape(*self.batch_shape(x), self._entries, *self._image).unbind(-1 - ndim)
        parts = []
        for entry, image in enumerate(images):
            if self.coil_maps is not None:
                image = self._maps("coil_maps", x, entry) * image.unsqueeze(-1 - ndim)
            parts.append(self._transform(entry)(image))
        return torch.stack(parts, -3 - len(self._coils)).reshape(*self.batch_shape(x), *self.range_shape)

    def adjoint(self, y: Tensor) -> Tensor:
        if not self.trajectory.learns:
            return super().adjoint(y)
        self.check(y, self.range_shape, self.range_field)
        ndim, batch = len(self._image), y.shape[: y.ndim - len(self.range_shape)]
        samples = self.transforms[0].range_shape
        parts = []
        for entry, data in enumerate(y.reshape(*batch, self._entries, *self._coils, *samples).unbind(len(batch))):
            image = self._transform(entry).adjoint(data)
            if self.coil_maps is not None:
                image = (self._maps("coil_maps", y, entry).conj() * image).sum(-1 - ndim)
            parts.append(image)
        return torch.stack(parts, -1 - ndim).reshape(*batch, *self.domain_shape)

    def apply(self, x: Tensor) -> Tensor:
        items = self._transform(0).scale * x.reshape(-1, self._entries, *self._image)
        out = x.new_empty(*items.shape[:2], *(self._coils or (1,)), self._transform(0).count)
        for entry in range(self._entries):
            transform = self._transform(entry)
            if self.coil_maps is None:
                out[:, entry, 0] = transform.plans.forward(items[:, entry])
                continue
            maps = self._maps("coil_maps", x, entry)
            for batch, coils in coil_blocks(items, len(maps)):
                samples = transform.plans.forward((maps[coils] * items[batch, entry, None]).flatten(0, 1))
                out[batch, entry, coils] = samples.view(out[batch, entry, coils].shape)
        return out.reshape(*self.batch_shape(x), *self.range_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        items = y.reshape(-1, self._entries, *(self._coils or (1,)), self._transform(0).count)
        out = y.new_zeros((*items.shape[:2], *self._image))
        for entry in range(self._entries):
            plans = self._transform(entry).plans
            if self.coil_maps is None:
                out[:, entry] = plans.adjoint(items[:, entry, 0])
                continue
            maps = self._maps("_conjugate_maps", y, entry)
            for batch, coils in coil_blocks(items, len(maps)):
                block = items[batch, entry, coils]
                images = plans.adjoint(block.flatten(0, 1)).reshape(*block.shape[:2], *self._image)
                add_coils(out[batch, entry], images, maps[coils])
        out *= self._transform(0).scale
        return out.reshape(*y.shape[: y.ndim - len(self.range_shape)], *self.domain_shape)

    def normal(self, x: Tensor) -> Tensor:
        if self.trajectory.learns:
            return super().normal(x)
        self.check(x, self.domain_shape, self.domain_field)
        return evaluate(x, self._gram, False)

    def weighted_normal(self, x: Tensor, weights: Tensor) -> Tensor:
        """AᴴWA x, by :meth:`gram` where the weights are the same for all items and coils; that of the last is kept."""
        tracked = weights.requires_grad or torch._C._are_functorch_transforms_active()
        density = None if self.trajectory.learns or tracked else self._density(weights)
        if density is None:
            return super().weighted_normal(x, weights)
        self.check(x, self.domain_shape, self.domain_field)
        kept = self.__dict__.get("_weighted")
        if kept is None or not _same(kept[0], weights):
            kept = self.__dict__["_weighted"] = (weights, self.gram(density))
        gram: ToeplitzGram = kept[1]
        return evaluate(x, gram, False)

    def _density(self, weights: Tensor) -> Tensor | None:
        """Weights of measurements as ``([frames,] shots, samples)``; None where they differ otherwise."""
        count, coils = len(self.range_shape), len(self._coils)
        lead = (1,) * (count - weights.ndim) + tuple(weights.shape)
        stack = lead[: len(lead) - 2 - coils] if self.frames is None else lead[: len(lead) - 3 - coils]
        if max((*stack, *lead[len(lead) - 2 - coils : -2]), default=1) > 1:
            return None
        samples = self.transforms[0].range_shape
        if self.frames is None:
            return weights.reshape(lead[-2:]).expand(samples)
        return weights.reshape(lead[-3 - coils], *lead[-2:]).expand(self.frames, *samples)

    def gram(self, density: Tensor | None = None) -> ToeplitzGram:
        """AᴴWA as an operator, W the weights ``([frames,] shots, samples)`` of ``density``."""
        if density is None and not self.trajectory.learns:
            return self._gram
        return ToeplitzGram(self.trajectory, self.coil_maps, self._image, density, self.frames)

    @cached_property
    def _gram(self) -> ToeplitzGram:
        return ToeplitzGram(self.trajectory, self.coil_maps, self._image, None, self.frames)

    def gram_spectrum(self) -> GramSpectrum:
        """The periodic convolution nearest to that of AᴴA, times the mean of Σ_c |S_c|²."""
        return self.gram().convolution()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key not in ("_gram", "_weighted")}

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)

        def maps(*shape: int) -> Tensor:
            return torch.randn(shape, dtype=torch.complex64, generator=generator)

        scattered = Trajectory(torch.rand(2, 3, 11, dtype=torch.float64, generator=generator) - 0.5)
        yield cls(scattered, shape=(6, 7))
        yield cls(scattered, maps(3, 5, 4))
        yield cls(Trajectory.golden_angle(4, 6), maps(2, 6, 6).to(torch.complex128))
        yield cls(Trajectory.stack_of_stars(2, 5, 4), maps(2, 4, 3, 4))
        yield cls(Trajectory.golden_angle(4, 6), maps(2, 3, 4), frames=2)
        yield cls(scattered, maps(2, 3, 4, 3))
        yield cls(scattered, shape=(4, 3), frames=3)


def _same(a: Tensor, b: Tensor) -> bool:
    return a is b or ((a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.equal(a, b))
