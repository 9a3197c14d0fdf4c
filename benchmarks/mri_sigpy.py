"""SigPy in the form of ``benchmarks.mri_peers``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.mri_scans import ITERATIONS, LAM, Candidate, CartesianScan, RadialScan


class SigPy:
    """NumPy arrays; images one after the other, as it has no batches."""

    devices = ("cpu",)

    def __init__(self) -> None:
        import sigpy
        import sigpy.mri

        self.lib, self.name = sigpy, f"SigPy {sigpy.__version__}"

    def pair(self, scan: CartesianScan) -> Iterator[Candidate]:
        A, images, data = self._sense(scan), scan.images.numpy(), scan.data.numpy()
        adjoint = A.H
        yield Candidate(
            f"{self.name} Sense",
            lambda: ([A * x for x in images], [adjoint * y for y in data]),
            lambda found: [torch.from_numpy(np.stack(part)) for part in found],
        )

    def normal(self, scan: CartesianScan) -> Iterator[Candidate]:
        gram, images = self._sense(scan).N, scan.images.numpy()
        yield Candidate(
            f"{self.name} Sense", lambda: [gram * x for x in images], lambda found: [torch.from_numpy(np.stack(found))]
        )

    def sense(self, scan: CartesianScan) -> Iterator[Candidate]:
        mask, maps, data = scan.mask.numpy(), scan.maps.numpy(), scan.data[0].numpy()
        recon = self.lib.mri.app.SenseRecon
        settings = {"lamda": LAM, "max_iter": ITERATIONS, "show_pbar": False}
        yield Candidate(
            f"{self.name} SenseRecon", lambda: recon(data, maps, weights=mask, **settings).run(), _from_array
        )

    def nufft(self, scan: RadialScan) -> Iterator[Candidate]:
        points, images, samples = self._points(scan), scan.images.numpy(), scan.samples.numpy()
        for label, settings in (("default", {}), ("width 6, factor 2", {"width": 6, "oversamp": 2})):

            def run(settings: dict[str, Any] = settings) -> Any:
                return (
                    self.lib.nufft(images, points, **settings),
                    self.lib.nufft_adjoint(samples, points, images.shape, **settings),
                )

            yield Candidate(f"{self.name} nufft, {label}", run, lambda found: [torch.from_numpy(f) for f in found])

    def radial(self, scan: RadialScan) -> Iterator[Candidate]:
        points, maps, data = self._points(scan), scan.maps.numpy(), scan.data.numpy()
        recon = self.lib.mri.app.SenseRecon
        settings = {"lamda": LAM, "max_iter": ITERATIONS, "show_pbar": False}
        yield Candidate(
            f"{self.name} SenseRecon", lambda: recon(data, maps, coord=points, **settings).run(), _from_array
        )

    def espirit(self, kspace: Tensor) -> Iterator[Candidate]:
        data, calibration = kspace.numpy(), self.lib.mri.app.EspiritCalib
        yield Candidate(f"{self.name} EspiritCalib", lambda: calibration(data, show_pbar=False).run(), _from_array)

    def _sense(self, scan: CartesianScan) -> Any:
        return self.lib.mri.linop.Sense(scan.maps.numpy(), weights=scan.mask.numpy())

    def _points(self, scan: RadialScan) -> np.ndarray[Any, Any]:
        sizes = torch.tensor(scan.shape, dtype=torch.float64)
        return (scan.trajectory.points.movedim(0, -1) * sizes).float().numpy()


def _from_array(found: Any) -> list[Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(found))]
