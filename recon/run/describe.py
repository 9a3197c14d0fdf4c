"""What the sidecar of an item says."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

import recon
from recon.config.resolve import JobSpec
from recon.files import Item
from recon.metrics import coverage, fastmri_scores, nmse, psnr, spread, ssim
from recon.operators import CartesianMRI, NonCartesianMRI, RayTransform, SoftSENSE
from recon.registry import snake_case
from recon.run.solve import Solved

PACKAGES = ("torch", "numpy", "scipy", "deepinv", "odl")
SSIM_LEAST = 11
"""Pixels that ssim's window needs along each axis."""


def describe(
    job: JobSpec,
    device: torch.device,
    solved: Solved,
    images: tuple[Tensor, Tensor | None, Tensor | None],
) -> dict[str, Any]:
    """The record of a solved item; ``images`` are reconstruction, first guess and truth in original units."""
    image, guess, truth = images
    item, operator = solved.case.item, solved.case.operator
    volume, geometry = getattr(operator, "volume", None), getattr(operator, "geometry", None)
    return {
        "id": item.id,
        "status": "diverged" if solved.reason == "diverged" else "done",
        "source": item.source,
        "reason": solved.reason.value,
        "sentence": solved.reason.sentence,
        "iterations": solved.iterations,
        "seconds": round(solved.seconds, 4),
        "measurements": _last_measurements(solved),
        "metrics": {**metrics(item, image, guess, truth, nominal_range(solved)), **_of_samples(solved, image, truth)},
        "samples": None if solved.drawn is None else solved.drawn.record(),
        "first_guess": solved.guess_name or None,
        "solver": solver_name(job, solved),
        "chosen_because": solved.why or None,
        "kind": solved.solver.kind,
        "units": item.units,
        "shape": list(image.shape),
        "dtype": str(image.dtype).removeprefix("torch."),
        "spacing_mm": _spacing(item, image) if volume is None else list(volume.spacing),
        "sigma": solved.case.sigma,
        "lam": solved.weight,
        "operator": repr(operator),
        "geometry": None if geometry is None else repr(geometry),
        "preprocessing": dict(item.meta),
        "device": str(device),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": recon.__version__,
        "versions": versions(),
        "config": job.plain(),
    }


def _spacing(item: Item, image: Tensor) -> list[float] | None:
    """That of the data as read, for an image with the axes of the data."""
    found = item.meta.get("spacing_mm")
    return list(found) if found is not None and image.shape == item.data.shape else None


def solver_name(job: JobSpec, solved: Solved) -> str:
    """The solver as the job calls it, or as jobs call the one that was chosen automatically."""
    cls = type(solved.solver)
    if not solved.why:
        named: str = getattr(job.solver, "name", "") or cls.__name__
        return named
    own: tuple[str, ...] = vars(cls).get("names", ())
    return own[0] if own else snake_case(cls.__name__)


def data_kind(solved: Solved) -> Literal["auto", "sinogram", "projections", "kspace"]:
    """What kind of data the operator makes, and how they are drawn."""
    operator = solved.case.operator
    if isinstance(operator, RayTransform):
        return "sinogram" if len(operator.range_shape) == 2 else "projections"
    return "kspace" if isinstance(operator, CartesianMRI | NonCartesianMRI | SoftSENSE) else "auto"


def nominal_range(solved: Solved) -> tuple[float, float] | None:
    """The range that an image's values had as read, where data and image are of one kind."""
    found: tuple[float, float] | None = solved.case.item.meta.get("value_range")
    return found if data_kind(solved) == "auto" else None


def metrics(
    item: Item,
    image: Tensor,
    guess: Tensor | None,
    truth: Tensor | None,
    nominal: tuple[float, float] | None,
) -> dict[str, Any]:
    """PSNR, SSIM and NMSE of reconstruction and first guess where the truth is known.

    The data range is that of the nominal values where there is one, else the span of the truth; complex images are
    compared as they are by PSNR and NMSE and by magnitude in SSIM.
    """
    if truth is None:
        return _against_reference(item, image)
    magnitude = truth.abs() if truth.is_complex() else truth
    span = float(magnitude.max() - magnitude.min()) if nominal is None else float(nominal[1] - nominal[0])
    if not span > 0:
        return {}
    colour = item.meta.get("color") == "rgb" and image.ndim == 3
    found: dict[str, Any] = {"data_range": span}
    for prefix, picture in (("", image), ("first_guess_", guess)):
        if picture is None:
            continue
        found[f"{prefix}psnr"] = float(psnr(picture, truth, data_range=span, ndim=truth.ndim))
        found[f"{prefix}nmse"] = float(nmse(picture, truth, ndim=truth.ndim))
        if truth.ndim > 1 and min(truth.shape[int(colour) :]) >= SSIM_LEAST:
            shown = picture.abs() if picture.is_complex() else picture
            found[f"{prefix}ssim"] = float(ssim(shown, magnitude, data_range=span, ndim=truth.ndim, color=colour))
    return found


def _of_samples(solved: Solved, image: Tensor, truth: Tensor | None) -> dict[str, float]:
    """The spread of several samples, and the coverage of 90 % intervals where the truth is known."""
    if solved.drawn is None or int(solved.drawn.complete.sum()) < 2:
        return {}
    samples = solved.case.item.restored(solved.drawn.kept)
    found = {"spread": spread(samples)}
    if truth is not None and truth.shape == samples.shape[1:]:
        found["coverage"] = coverage(samples, truth)
    return found


def _against_reference(item: Item, image: Tensor) -> dict[str, Any]:
    """The scores of fastMRI's evaluation where the item has its reference, a magnitude of the middle of the image."""
    reference = item.aux.get("reference")
    if reference is None or reference.is_complex() or reference.ndim != image.ndim or image.ndim not in (2, 3):
        return {}
    try:
        scores = fastmri_scores(image, reference)
    except ValueError:
        return {}  # an image of another kind than the reference
    return {f"fastmri_{name}": value for name, value in scores._asdict().items()}


def versions() -> dict[str, str]:
    """Python and the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _last_measurements(solved: Solved) -> dict[str, float]:
    """The last finite value of everything measured."""
    last = {}
    for name, values in solved.history.items():
        finite = [value for value in values.tolist() if isfinite(value)]
        if name not in ("iteration", "seconds") and finite:
            last[name] = finite[-1]
    return last
