"""The keys of a benchmark. The checks, the JSON schema and the documentation all read them here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from recon.operators.data_term import DataTerm
    from recon.preprocess.step import Step
    from recon.priors.prior import Prior
    from recon.solvers.solver import Solver

FASTMRI = ("fastmri_nmse", "fastmri_psnr", "fastmri_ssim")
"""Those of the evaluation of fastMRI, of volumes."""
OF_SAMPLES = ("data_consistency", "coverage", "spread", "diversity")
"""Those of posterior samples."""
METRICS = ("psnr", "ssim", "nmse", "haarpsi", "lpips", *FASTMRI, "data_residual", *OF_SAMPLES)
"""Metrics that are known by name; others are import paths of functions of image and truth."""
HIGHER = ("psnr", "ssim", "haarpsi", "fastmri_psnr", "fastmri_ssim")
"""Those of which more is better."""


@dataclass(frozen=True)
class Limits:
    """What one cell may take.

    Parameters
    ----------
    seconds
        Longest time of one solve; null for no limit.
    memory
        Most memory that a solve may take in addition, in GiB; null for no limit.
    """

    seconds: float | None = 3600.0
    memory: float | None = None


@dataclass(frozen=True)
class Timing:
    """How solves are timed.

    Parameters
    ----------
    repeats
        Solves of each cell that are timed; their median counts.
    warm_up
        Iterations that a method runs with each operator, in each process, before it is timed for the first time, so
        that neither compilation nor the operator's norm is; 0 for none.
    """

    repeats: int = 1
    warm_up: int = 2


@dataclass(frozen=True)
class Tuning:
    """How parameters with ``tune`` are found on the validation items.

    Parameters
    ----------
    metric
        What is to be best on average.
    tol
        Relative accuracy of the parameter.
    max_solves
        Most values that are tried.
    """

    metric: Literal["mse", "nmse", "psnr", "ssim", "haarpsi"] = "mse"
    tol: float = 0.1
    max_solves: int = 20


@dataclass(frozen=True)
class Destination:
    """Where the run goes.

    Parameters
    ----------
    path
        Folder of the run; by default ``out`` and the benchmark's name, beside the file.
    """

    path: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Keys of a dataset beside those of its reader.

    Parameters
    ----------
    id
        How the run calls it.
    preprocess
        Steps from the items as they come to the images or measurements that the run uses.
    measured
        Whether the items are measurements, with or without the truth, rather than images that are to be measured.
    limit
        How many items are reconstructed, the first ones; all where nothing is said.
    validation
        How many items, the last ones, are kept for finding parameters; they are never among those reconstructed.
    """

    id: str | None = None
    preprocess: Sequence[Step] = ()
    measured: bool = False
    limit: int | None = None
    validation: int = 0


@dataclass(frozen=True)
class Method:
    """A way to reconstruct.

    Parameters
    ----------
    id
        How the run calls it; by default solver and prior.
    solver
        How to find the image.
    prior
        What images look like; several are added up.
    fidelity
        How data and image are compared, instead of the likelihood of the noise.
    samples
        How many samples per item a sampling solver draws.
    chunk
        How many of them it works on at once; all where nothing is said.
    """

    id: str | None = None
    solver: Solver | None = None
    prior: Prior | Sequence[Prior] | None = None
    fidelity: DataTerm | None = None
    samples: int = 1
    chunk: int | None = None


@dataclass(frozen=True)
class Benchmark:
    """A grid of datasets, operators, noise, methods and seeds, of which every cell is solved.

    Parameters
    ----------
    recon
        Version of the format: 1.
    datasets
        What is reconstructed: keys of a reader, and those of a dataset.
    operators
        How an image becomes data.
    methods
        The ways to reconstruct that are compared.
    name
        How the run calls itself; by default as the file.
    base
        Other benchmark files that this one is put over, the later over the earlier.
    noise
        How data scatter; needed unless all items are measurements.
    seeds
        Seeds of everything random; each is a measurement of its own.
    metrics
        What is computed of every image; the first one ranks.
    exclude
        Combinations that are left out: mappings of dataset, operator, noise and method to names, with ``*`` for any
        text.
    output
        Where the run goes.
    device
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:1``.
    dtype
        Precision of the computation; complex data take the complex type of the same precision.
    limits
        What one cell may take.
    timing
        How solves are timed.
    tuning
        How parameters with ``tune`` are found.
    """

    recon: Literal[1]
    datasets: Sequence[Any]
    operators: Sequence[Any]
    methods: Sequence[Any]
    name: str | None = None
    base: Sequence[Path] = ()
    noise: Sequence[Any] = ()
    seeds: Sequence[int] = (0,)
    metrics: Sequence[str] = ("psnr", "ssim", "nmse")
    exclude: Sequence[Any] = ()
    output: Destination = field(default_factory=Destination)
    device: str = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    limits: Limits = field(default_factory=Limits)
    timing: Timing = field(default_factory=Timing)
    tuning: Tuning = field(default_factory=Tuning)
