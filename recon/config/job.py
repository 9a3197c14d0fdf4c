"""The keys of a job. The checks, the JSON schema and the documentation all read them here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from recon.files.reader import Reader
    from recon.operators.data_term import DataTerm
    from recon.operators.noise import NoiseModel
    from recon.operators.operator import Operator
    from recon.preprocess.step import Step
    from recon.priors.prior import Prior
    from recon.solvers.solver import Solver

VERSION = 1


@dataclass(frozen=True)
class Output:
    """What is left behind, and where.

    Parameters
    ----------
    path
        Folder of the results; by default ``out`` and the job's name, beside the job.
    formats
        Formats of the reconstructions: npz, hdf5 and mat keep every bit (complex numbers too), nifti, fits (real
        numbers) and zarr as well, cfl and tiff32 single precision; tiff16, dicom and png are pictures.
    combine
        ``rss`` for the root sum of squares over the axis before the image's own: over coils that were reconstructed one
        by one, or over the sets of soft_sense. What is compared with the truth and drawn is combined, too.
    preview
        Whether to draw data, first guess and reconstruction side by side, and samples with their mean, standard
        deviation and coverage.
    convergence
        Whether to draw the solver's history.
    quantiles
        Quantiles of the samples per pixel that are written beside their mean, such as 0.05 and 0.95.
    samples
        Whether the samples themselves are written, where there are several.
    """

    path: Path | None = None
    formats: Sequence[
        Literal["npz", "hdf5", "mat", "cfl", "tiff32", "tiff16", "png", "nifti", "fits", "zarr", "dicom"]
    ] = ("npz", "png")
    combine: Literal["none", "rss"] = "none"
    preview: bool = True
    convergence: bool = True
    quantiles: Sequence[float] = ()
    samples: bool = True


@dataclass(frozen=True)
class Job:
    """One reconstruction job: from files, through operator, noise, prior and solver, to files.

    Parameters
    ----------
    recon
        Version of the format: 1.
    input
        The reader of the data.
    operator
        How an image becomes data.
    base
        Other job files that this one is put over, the later over the earlier.
    preprocess
        Steps from the data as they come to data that the operator explains, in order.
    noise
        How the data scatter; white Gaussian noise of standard deviation 1 where nothing is said.
    fidelity
        How data and image are compared, instead of the likelihood of ``noise``: Huber's function, a ball, a norm.
    prior
        What images look like; several are added up.
    solver
        How to find the image; where nothing is said ``auto``, which picks what suits operator, noise and prior and
        says which and why.
    output
        What is left behind, and where.
    device
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:1``.
    dtype
        Precision of the computation; complex data take the complex type of the same precision.
    batch_size
        How many items with the same operator are solved at once; results do not depend on it.
    seed
        Seed of everything random.
    samples
        How many samples per item a sampling solver draws; their mean is the reconstruction, and their standard
        deviation and the samples themselves are written beside it.
    chunk
        How many images, samples times items of a batch, a sampling solver works on at once, and how many are in memory;
        all where nothing is said. Results do not depend on it.
    """

    recon: Literal[1]
    input: Reader
    operator: Operator
    base: Sequence[Path] = ()
    preprocess: Sequence[Step] = ()
    noise: NoiseModel | None = None
    fidelity: DataTerm | None = None
    prior: Prior | Sequence[Prior] | None = None
    solver: Solver | None = None
    output: Output = field(default_factory=Output)
    device: str = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    batch_size: int = 1
    seed: int = 0
    samples: int = 1
    chunk: int | None = None
