"""The law suite of noise models."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from recon.operators.noise import NoiseModel
from recon.testing.noise_laws import NOISE_LAWS, Moments, NoiseCase
from recon.testing.report import Report, run_laws


def check_noise(
    noise: NoiseModel,
    *,
    clean: Tensor | None = None,
    moments: Moments | None = None,
    device: torch.device | str = "cpu",
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Check that a noise model samples what its fidelity says is likely.

    20 000 samples, drawn from fixed seeds, are compared with the fidelity f = −log p: E[∂f] = 0, E[(∂f)²] = E[∂²f]
    and E[p(y | z′)/p(y | z)] = 1, each to five standard errors. Generators, shapes, precision and pickling besides;
    the fidelity itself runs through :func:`recon.testing.check_functional`.

    Parameters
    ----------
    noise
        The model, with parameters shared by all batch items.
    clean
        One item of clean data, in double precision; [0.6, 1.0, 1.7] by default.
    moments
        Function that gives mean and variance of noisy data for clean data, elementwise, to compare samples with.
    device, only, skip, collect
        As in :func:`recon.testing.check_operator`.

    Errors: AssertionError with one sentence per broken law, unless ``collect``; TypeError for anything but a model.
    """
    if not isinstance(noise, NoiseModel):
        raise TypeError(f"check_noise expects a noise model of recon.operators, got {type(noise).__name__}.")
    clean = torch.tensor([0.6, 1.0, 1.7], dtype=torch.float64) if clean is None else clean
    case = NoiseCase(noise, clean.to(device), moments)
    return run_laws(type(noise).__name__, NOISE_LAWS, case, only=only, skip=skip, collect=collect)
