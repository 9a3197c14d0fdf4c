"""Coils whose noise is white."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.operators.mri.whitening import noise_covariance, whitening_matrix
from recon.preprocess.coil_mixing import coil_axis, mixed
from recon.preprocess.readouts import require_kspace
from recon.preprocess.step import Step


@dataclass(frozen=True)
class Prewhiten(Step):
    """W y in place of k-space y, with W Ψ Wᴴ = 2σ² I: of the noise covariance Ψ makes white noise of σ in each real
    component of each coil, so that ``noise: {name: gaussian, sigma: 1}`` is true.

    Ψ = E n nᴴ is, in this order, ``covariance``; that of the outermost samples of k-space, with ``edge``; the array
    ``noise_covariance`` (coils, coils) of the item; that of its array ``noise`` (coils, ...), samples of noise alone,
    which the reader ``ismrmrd`` takes from a noise scan. W = 2^½ σ L⁻¹ with Ψ = L Lᴴ by Cholesky. Coil maps and noise
    samples that the item has are transformed alike.

    Parameters
    ----------
    covariance
        Ψ, rows of numbers.
    edge
        Share of the measured samples, those farthest from the centre of k-space, to take as noise; signal that is left
        there makes Ψ too large. Where the item has a ``trajectory``, it tells how far samples are.
    sigma
        σ.
    axis
        The axis of the coils: -3, and -4 for volumes.
    centred
        Number of the last axes that count for the distance of ``edge``: 2, and 3 for volumes.

    Raises
    ------
    DataError
        If nothing tells the noise, or what does is of other coils, of too few samples, or not positive definite.

    Source: K. P. Pruessmann et al., Magn. Reson. Med. 46 (2001) 638.
    """

    names: ClassVar[tuple[str, ...]] = ("prewhiten",)

    covariance: Sequence[Sequence[complex]] | None = None
    edge: float | None = None
    sigma: float = 1.0
    axis: int = -3
    centred: int = 2

    def __post_init__(self) -> None:
        if not (isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"Prewhiten expects sigma > 0, got {self.sigma!r}.")
        if self.edge is not None and not 0 < self.edge < 1:
            raise ValueError(f"Prewhiten expects edge between 0 and 1, got {self.edge!r}.")
        if self.edge is not None and self.covariance is not None:
            raise ValueError("Prewhiten expects covariance or edge, not both.")
        if self.centred not in (2, 3):
            raise ValueError(f"Prewhiten expects centred 2 or 3, got {self.centred!r}.")

    def __call__(self, item: Item) -> Item:
        require_kspace(item, "prewhiten", 2)
        source, covariance = self._noise(item)
        coil_axis(item, self.axis, "prewhiten", len(covariance))
        try:
            matrix = whitening_matrix(covariance, self.sigma)
        except ValueError as error:
            raise DataError(f"{item.source}: {error}") from None
        arrays = {"data": mixed(item.data, matrix, self.axis)}
        if "coil_maps" in item.aux:
            arrays["coil_maps"] = mixed(item.aux["coil_maps"], matrix, self.axis)
        if "noise" in item.aux:
            arrays["noise"] = mixed(item.aux["noise"], matrix, -item.aux["noise"].ndim)
        white = {"sigma": self.sigma, "noise_from": source, "condition": float(torch.linalg.cond(covariance))}
        left = {role: array for role, array in item.aux.items() if role != "noise_covariance"}
        return replace(item, aux=left).with_arrays(arrays).changed(meta={"prewhitened": white})

    @staticmethod
    def _matrix(rows: Sequence[Sequence[complex]]) -> Tensor:
        if any(len(row) != len(rows) for row in rows):
            raise ValueError(f"prewhiten expects a covariance of {len(rows)} rows of {len(rows)} numbers each.")
        return torch.tensor(rows, dtype=torch.complex128)

    def _noise(self, item: Item) -> tuple[str, Tensor]:
        """What tells the covariance, and the covariance."""
        try:
            if self.covariance is not None:
                return "covariance", self._matrix(self.covariance)
            if self.edge is not None:
                return "edge", noise_covariance(self._edge_samples(item, self.edge))
            if "noise_covariance" in item.aux:
                return "noise_covariance", item.aux["noise_covariance"]
            if "noise" in item.aux:
                return "noise", noise_covariance(item.aux["noise"])
        except (ValueError, TypeError) as error:
            raise DataError(f"{item.source}: {error}") from None
        raise DataError(
            f"{item.source} has no noise scan; name its array in input.keys as noise, or give prewhiten the covariance "
            "or an edge such as 0.1."
        )

    def _edge_samples(self, item: Item, share: float) -> Tensor:
        coil_axis(item, self.axis, "prewhiten")
        if -self.axis <= self.centred:
            raise DataError(f"prewhiten expects the coils before the last {self.centred} axes, got axis {self.axis}.")
        samples = item.data.movedim(self.axis, 0)
        taken = (samples != 0).any(0)
        points = item.aux.get("trajectory")
        if points is None:
            axes = [(torch.arange(n, dtype=torch.float64) - n // 2) / n for n in taken.shape[-self.centred :]]
            radius = torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0)
        else:
            radius = points.double().square().sum(0)
        if radius.numel() == taken.numel():
            radius = radius.reshape(taken.shape)  # shots of all frames, one after another
        if radius.shape != taken.shape[taken.ndim - radius.ndim :]:
            found, wanted = None if points is None else tuple(points.shape), tuple(taken.shape)
            raise DataError(f"{item.source} has a trajectory of shape {found}, which is not that of samples {wanted}.")
        distance = torch.where(taken, radius.expand(taken.shape), -1.0)
        count = int(share * int(taken.sum()))
        if count < len(samples):
            raise DataError(
                f"{item.source} has {count} samples on the edge of k-space, fewer than coils; make edge larger."
            )
        chosen = distance.flatten().topk(count).indices
        return samples.flatten(1)[:, chosen]

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(2, 50, dtype=torch.complex64, generator=generator)
        kspace = torch.randn(2, 6, 5, dtype=torch.complex64, generator=generator)
        maps = torch.ones(2, 6, 5, dtype=torch.complex64)
        yield cls(), Item("brain", "brain.h5", kspace, {"noise": noise, "coil_maps": maps})
        yield cls(((2.0, 0.5j), (-0.5j, 1.0)), sigma=0.1), Item("brain", "brain.h5", kspace)
        yield cls(edge=0.4), Item("brain", "brain.h5", kspace)
