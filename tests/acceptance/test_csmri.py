"""Compressed sensing MRI of Ryu and others (ICML 2019) on their data, where a folder with it is given.

``RECON_CSMRI`` is the folder with ``Brain.jpg``, ``Q_Random30.mat`` and so on and ``noises.mat``, ``RECON_SIMPLE_CNN``
the file of the weights of RealSN-SimpleCNN; both are in the repository of the paper.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from recon.operators import CartesianMRI, GaussianNoise, centred_fft, centred_ifft
from recon.priors import DenoiserPrior, SimpleCNN
from recon.solvers import MaxIter, PnPADMM, Problem, ZeroFilled

from .conftest import Figure

FOLDER, WEIGHTS = os.environ.get("RECON_CSMRI", ""), os.environ.get("RECON_SIMPLE_CNN", "")
given = pytest.mark.skipif(not FOLDER, reason="RECON_CSMRI names no folder")
PUBLISHED = {"Random": 9.60, "Radial": 9.29, "Cartesian": 8.67}
LEAST = {"Random": 18.0, "Radial": 16.9, "Cartesian": 12.3}


def measurement(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Image, mask and k-space with noise everywhere, zero frequency at N//2."""
    from scipy.io import loadmat

    folder = Path(FOLDER)
    with Image.open(folder / "Brain.jpg") as file:
        image = torch.from_numpy(np.asarray(file) / 255)
    mask = torch.from_numpy(np.ascontiguousarray(loadmat(folder / f"Q_{name}30.mat")["Q11"])).bool()
    noise = torch.from_numpy(3 * loadmat(folder / "noises.mat")["noises"])
    measured = mask.roll((128, 128), (0, 1)) * torch.fft.fft2(image) + noise  # image and samples begin at index 0
    return image, mask, centred_fft(torch.fft.ifft2(measured), 2)


def snr(found: Tensor, image: Tensor) -> float:
    """Their PSNR, 10 log₁₀(‖x‖²/‖x − x̂‖²)."""
    return float(10 * torch.log10(image.square().sum() / (found - image).abs().square().sum()))


@given
@pytest.mark.parametrize("name", PUBLISHED)
def test_zero_filled_is_as_published(name: str) -> None:
    """Their data have noise where nothing was sampled, too, so that the adjoint is that of the whole of k-space."""
    image, _, y = measurement(name)
    whole = CartesianMRI(torch.ones(256, 256))
    found = ZeroFilled().solve(Problem(whole, y)).image
    torch.testing.assert_close(found, centred_ifft(y, 2))
    assert snr(found, image) == pytest.approx(PUBLISHED[name], abs=0.005)


@given
@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS, reason="RECON_SIMPLE_CNN names no file")
@pytest.mark.parametrize("name", PUBLISHED)
def test_plug_and_play_admm_reaches_what_is_published(name: str, figure: Figure) -> None:
    """17.77 on the random mask by their code, with α = 2 after 100 iterations; here λ = 1 and samples alone."""
    image, mask, y = measurement(name)
    data = (mask * y).to(torch.complex64)
    prior = DenoiserPrior(SimpleCNN(WEIGHTS), 15 / 255, channels=1, complex_as="real", value_range=(-0.25, 1.25))
    found = PnPADMM(stop=MaxIter(100)).solve(Problem(CartesianMRI(mask), data, GaussianNoise(0.0583), prior))
    reached = snr(found.image, image)
    figure(f"PnP-ADMM, {name}", f"{reached:.2f} dB")
    assert reached >= LEAST[name]
