"""A run without solvers: images of known error, times and failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recon.reports.panels import Array

SIDE = 48
METHODS = {"tv": 28.0, "pnp": 30.0, "wavelet": 25.0}


class MadeUpRun:
    """Methods with the PSNR of :data:`METHODS` plus one of the image's own, under two conditions."""

    name = "made <up> & run"
    metrics: Sequence[str] = ("psnr", "nmse")
    command = "recon bench made_up.yaml"
    configuration = "name: made up\nseeds: [0, 1]\n"

    def __init__(self, items: int = 7, seeds: int = 2, conditions: int = 2) -> None:
        self.items, self.seeds, self.conditions = items, seeds, conditions
        self.environment: Mapping[str, Any] = {"python": "3.11", "packages": {"torch": "2.6", "numpy": "2.0"}}
        self._records = list(self._all())

    @property
    def expected(self) -> int:
        return len(self._records) + 5

    def _all(self) -> Iterable[dict[str, Any]]:
        for place in range(self.conditions):
            for item in range(self.items):
                for seed in range(self.seeds):
                    for method, level in METHODS.items():
                        yield self._record(place, item, seed, method, level)

    def _record(self, place: int, item: int, seed: int, method: str, level: float) -> dict[str, Any]:
        failed = (place, item, method) == (0, 0, "wavelet")
        psnr = level + item + (0.5 if seed else -0.5) - place
        error = {"sentence": "the data have <NaN>", "traceback": "Traceback: line 1"} if failed else None
        return {
            "key": f"{place}-{item}-{seed}-{method}",
            "status": "failed" if failed else "ok",
            "dataset": "photos",
            "item": f"image {item}",
            "operator": f"blur {place}",
            "noise": "gaussian",
            "method": method,
            "seed": seed,
            "config": {"prior": {"name": method}},
            "data_range": 1.0,
            "measurement": f"{place}-{item}-{seed}",
            "metrics": {} if failed else {"psnr": psnr, "nmse": 10 ** (-psnr / 10)},
            "iterations": None if failed else 100,
            "gap": None,
            "seconds": None if failed else {"solve": 0.1 * (1 + list(METHODS).index(method))},
            "memory": None,
            "calls": {"forward": 100},
            "device": "cpu",
            "machine": "here",
            "threads": 2,
            "error": error,
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        return self._records

    def arrays(self, key: str) -> Mapping[str, Array]:
        place, item, seed, method = key.split("-")
        stream = np.random.default_rng([int(place), int(item), int(seed), len(method)])
        noise = stream.normal(size=(SIDE, SIDE)) * 10 ** (-METHODS[method] / 20)
        steps = np.arange(1.0, 20.0)
        return {
            "image": (self._truth(int(item)) + noise).astype(np.float32),
            "history/seconds": steps / 100,
            "history/objective": 5 + METHODS[method] / steps**2,
            "history/relative_gap": 1 / steps,
            "history/mse": 0.1 / steps,
        }

    def measurement(self, key: str) -> Mapping[str, Array]:
        truth = self._truth(int(key.split("-")[1]))
        return {"truth": truth, "data": truth, "guess": 0.5 * truth}

    def stale(self) -> Sequence[Mapping[str, Any]]:
        return self._records[:2]

    def tunings(self) -> Iterable[Mapping[str, Any]]:
        common = {"dataset": "photos", "operator": "blur 0", "noise": "gaussian", "parameter": "prior.lam"}
        more = {"metric": "mse", "tried": [[1.0, 0.1], [2.0, 0.2]], "items": ["image 8"], "seconds": 1.5}
        sentence = {"sentence": "no value of <lam> gives a reconstruction."}
        yield {**common, **more, "method": "tv", "value": 1.25, "inside": True, "error": None}
        yield {**common, **more, "method": "pnp", "value": 2.0, "inside": False, "error": None}
        yield {**common, **more, "method": "wavelet", "value": None, "inside": False, "error": sentence}

    @staticmethod
    def _truth(item: int) -> Array:
        y, x = np.mgrid[:SIDE, :SIDE] / SIDE
        return (((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.04 * (1 + item / 10)) * 0.8 + 0.1 * x).astype(np.float32)
