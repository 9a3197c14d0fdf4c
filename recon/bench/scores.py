"""What a reconstruction is worth, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from recon.config.bench import FASTMRI, METRICS
from recon.files import Item
from recon.metrics import coverage, fastmri_scores, haarpsi, lpips, lpips_weights, nmse, psnr, spread, ssim
from recon.operators import CapabilityError
from recon.run.describe import SSIM_LEAST, nominal_range
from recon.run.loading import load
from recon.run.solve import Solved
from recon.solvers import Problem
from recon.solvers.discrepancy import discrepancy, reach


@dataclass(frozen=True)
class Window:
    """The values that an image can take, ``low`` to ``low + span``."""

    low: float
    span: float


def window(solved: Solved, truth: Tensor, simulated: bool) -> Window | None:
    """The nominal range of the images as read where there is one, else the range of the truth; None if that is empty.

    Complex images are judged by magnitude.
    """
    nominal = solved.case.item.meta.get("value_range") if simulated else nominal_range(solved)
    if nominal is not None:
        return Window(float(nominal[0]), float(nominal[1] - nominal[0]))
    size = truth.abs() if truth.is_complex() else truth
    low, high = float(size.min()), float(size.max())
    return Window(low, high - low) if high > low else None


def scores(
    names: Sequence[str], solved: Solved, problem: Problem, simulated: bool
) -> tuple[dict[str, float], float | None, list[str]]:
    """The metrics of a reconstruction, the data range that they took, and sentences about those that are missing."""
    item = solved.case.item
    image = item.restored(solved.image)
    truth = None if item.truth is None else item.restored(item.truth)
    drawn = solved.drawn
    several = drawn is not None and int(drawn.complete.sum()) > 1
    samples = item.restored(drawn.kept) if drawn is not None and several else None
    seen = None if truth is None else window(solved, truth, simulated)
    found: dict[str, float] = {}
    notes: list[str] = []
    for name in names:
        try:
            value = _value(name, solved, problem, _Images(item, image, truth, samples, seen))
        except Exception as error:
            value = f"is left out: {type(error).__name__}: {' '.join(str(error).split())}".rstrip(".")
        if isinstance(value, str):
            notes.append(f"{name} {value}.")
        elif isfinite(value):
            found[name] = value
        else:
            notes.append(f"{name} is {value}.")
    return found, None if seen is None else seen.span, notes


@dataclass(frozen=True)
class _Images:
    """What metrics compare, in original units."""

    item: Item
    image: Tensor
    truth: Tensor | None
    samples: Tensor | None
    seen: Window | None


def _value(name: str, solved: Solved, problem: Problem, images: _Images) -> float | str:
    """The value of a metric, or why it has none."""
    image, truth, samples = images.image, images.truth, images.samples
    if name == "data_residual":
        return _residual(solved, problem)
    if name == "data_consistency":
        return _consistency(solved, problem)
    if name in ("spread", "diversity") and (samples is None or solved.drawn is None):
        return "needs several samples"
    if name == "spread" and samples is not None:
        return spread(samples)
    if name == "diversity" and solved.drawn is not None:
        return solved.drawn.diversity["participation"]
    if name in FASTMRI:
        reference = images.item.aux.get("reference") if truth is None else truth
        if reference is None:
            return "needs the truth, or the reference of the file"
        scores = fastmri_scores(image, reference.abs())
        return float(getattr(scores, name.removeprefix("fastmri_")))
    if truth is None:
        return "needs the truth"
    if name == "coverage":
        return "needs several samples" if samples is None else coverage(samples, truth)
    if name not in METRICS:
        return float(load(name)(image, truth))
    if images.seen is None:
        return "needs a truth that is not constant"
    return _of_image(name, image, truth, images.seen, images.item)


def _of_image(name: str, image: Tensor, truth: Tensor, seen: Window, item: Item) -> float | str:
    colour = item.meta.get("color") == "rgb" and image.ndim == 3
    if name == "psnr":
        return float(psnr(image, truth, data_range=seen.span, ndim=truth.ndim))
    if name == "nmse":
        return float(nmse(image, truth, ndim=truth.ndim))
    shown, known = (x.abs() if x.is_complex() else x for x in (image, truth))
    if name == "ssim":
        if truth.ndim < 2 or min(truth.shape[int(colour) :]) < SSIM_LEAST:
            return f"needs images of at least {SSIM_LEAST} pixels each way"
        return float(ssim(shown, known, data_range=seen.span, ndim=truth.ndim, color=colour))
    if truth.ndim < 2:
        return "needs images"
    if name == "haarpsi":
        return float(haarpsi(shown, known, low=seen.low, data_range=seen.span, color=colour).mean())
    if lpips_weights() is None:
        return "is left out: torch has no weights of AlexNet stored"
    return float(lpips(shown, known, low=seen.low, data_range=seen.span, color=colour).mean())


def _consistency(solved: Solved, problem: Problem) -> float | str:
    """E‖AX − y‖²/σ² per datum over the samples X, or for the image where it is the only one."""
    if solved.drawn is None:
        return _residual(solved, problem)
    found = solved.drawn.data_consistency
    return "is not known for this noise" if found is None else found


def _residual(solved: Solved, problem: Problem) -> float | str:
    """‖Ax − y‖²/σ² per datum that the operator reaches, for noise of another kind twice the misfit per datum."""
    flat = problem.flatten()
    image = solved.image.reshape(-1, *flat.shape).to(flat.data.device, flat.dtype)
    with torch.no_grad():
        try:
            return float(discrepancy(flat, image, reach(flat)).mean())
        except CapabilityError:
            count = flat.data[0].numel() * (2 if flat.data.is_complex() else 1)
            return float((2 * flat.likelihood(flat.operator(image)) / count).mean())
        except ValueError as error:
            return f"is left out: {error}".rstrip(".")
