"""Least squares weighted by density compensation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.squared_l2 import SquaredL2
from recon.operators.mri.density import density_compensation
from recon.operators.mri.noncartesian import NonCartesianMRI
from recon.operators.mri.nufft import as_trajectory
from recon.operators.mri.trajectory import Trajectory
from recon.operators.operator import Operator
from recon.operators.tensors import fixed, positive_weight

Method = Literal["pipe", "voronoi", "radial", "spiral"]


class DensityWeightedFidelity(DataTerm):
    """f(z) = Σ_k w(k) |z(k) − y(k)|² / 2σ²: each sample counts as much as the area of k-space that it stands for.

    Its gradient is Aᴴ W (A x − y)/σ². Of well-conditioned AᴴWA iterations need few, at the cost of noise: samples that
    lie close are not averaged as they might be. The direct reconstruction ``adjoint`` with it is gridding, AᴴWy.

    Parameters
    ----------
    density
        w ≥ 0, ``([frames,] shots, samples)``, or the method by which
        :func:`~recon.operators.mri.density.density_compensation` finds it, which needs what follows.
    trajectory, shape, frames
        Where samples are taken, the shape ([nz,] ny, nx) of one image, and the number of frames that share the shots;
        in jobs those of the operator.
    sigma
        σ > 0.

    Errors: ValueError or TypeError for weights that are negative, or of another shape than the samples, and for a
    method without a trajectory.
    """

    names = ("density_weighted",)

    def __init__(
        self,
        density: Tensor | Method = "pipe",
        trajectory: Trajectory | Tensor | None = None,
        shape: Sequence[int] | None = None,
        frames: int | None = None,
        sigma: float = 1.0,
    ) -> None:
        self.sigma = float(positive_weight(sigma, "DensityWeightedFidelity expects sigma > 0"))
        if not isinstance(density, str):
            self.density = fixed(density, "DensityWeightedFidelity", "density")
            if self.density.is_complex() or bool((self.density < 0).any()) or not bool((self.density > 0).any()):
                raise ValueError("DensityWeightedFidelity expects a real density of at least 0, not all zero.")
            return
        if density not in get_args(Method):
            raise ValueError(
                f"DensityWeightedFidelity expects a density of numbers, 'pipe', 'voronoi', 'radial' or 'spiral', got "
                f"{density!r}."
            )
        if trajectory is None or shape is None:
            raise ValueError(
                f"DensityWeightedFidelity needs the trajectory and the shape of the image to find the density by "
                f"{density!r}, which non-Cartesian operators tell in jobs."
            )
        known = as_trajectory(trajectory, "DensityWeightedFidelity")
        count = 1 if frames is None else frames
        shots, left = divmod(known.shape[0], count)
        if left or not shots:
            raise ValueError(f"DensityWeightedFidelity expects frames to divide {known.shape[0]} shots, got {frames}.")
        parts = [density_compensation(known[n * shots : (n + 1) * shots], shape, density) for n in range(count)]
        self.density = parts[0] if frames is None else torch.stack(parts)

    @classmethod
    def from_operator(cls, operator: Operator) -> dict[str, Any]:
        """Parameters that an operator tells where they are left out."""
        if not isinstance(operator, NonCartesianMRI):
            return {}
        image = operator.transforms[0].domain_shape
        return {"trajectory": operator.trajectory, "shape": image, "frames": operator.frames}

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return SquaredL2(shape, data, weight=self._laid_out(tuple(shape)).to(data.device) / self.sigma**2)

    def weighed(self, data: Tensor, shape: Sequence[int]) -> Tensor:
        weight = self._laid_out(tuple(shape)).to(data.real if data.is_complex() else data)
        return (weight * data.reshape(-1, *shape)).reshape(data.shape)

    def _laid_out(self, shape: tuple[int, ...]) -> Tensor:
        """w with an axis of length 1 for the batch and for the coils of data of ``shape``."""
        w = self.density
        if w.ndim == 3 and len(shape) == 4:
            w = w.unsqueeze(1)
        if w.ndim > len(shape) or any(
            m not in (1, n) for m, n in zip(reversed(w.shape), reversed(shape), strict=False)
        ):
            raise ValueError(
                f"DensityWeightedFidelity expects data ([frames,] [coils,] shots, samples) for a density of shape "
                f"{tuple(self.density.shape)}, got {shape}."
            )
        return w.reshape((1,) * (len(shape) + 1 - w.ndim) + tuple(w.shape))

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64), sigma=0.5)
        yield cls(torch.tensor([0.5, 0.0, 1.0], dtype=torch.float64))
