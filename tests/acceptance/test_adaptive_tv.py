"""Adaptive weighted TV: few-view tomography gains 3 dB over TV with weights from the TV image; w ≡ 1 is TV.

Each prior has its best λ of a few, the same for all data terms: ‖Ax − y‖²/2σ² with x ≥ 0, by Chambolle and Pock.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from recon.phantoms import Ellipse, EllipsePhantom
from recon.priors import AdaptiveTV, DnCNN, NonNegative, TotalVariation, VariationalPrior
from recon.solvers import PDHG, Gap, MaxIter, Problem

from .conftest import Figure
from .few_view import NOISE, SCAN, VOLUME, object_, psnr, scanned

LOOP = PDHG(stop=MaxIter(600) | Gap(1e-3))


def best(data: Tensor, truth: Tensor, prior: VariationalPrior, weights: Sequence[float]) -> tuple[Tensor, float]:
    """The image nearest to the truth among those of several λ, and its PSNR."""
    lam = torch.tensor(weights, dtype=torch.float64)
    asked = prior.with_lam(lam) + NonNegative()
    images = LOOP.solve(Problem(SCAN, data.expand(len(lam), *data.shape), NOISE, asked)).image
    scores = [psnr(image, truth) for image in images]
    return images[scores.index(max(scores))], max(scores)


def test_weights_of_one_are_total_variation() -> None:
    truth = object_()
    data, fbp = scanned(truth)
    loop = PDHG(stop=MaxIter(60))
    images = [
        loop.solve(Problem(SCAN, data, NOISE, prior + NonNegative())).image
        for prior in (TotalVariation(4.0), AdaptiveTV(4.0, fbp, p=1.0))
    ]
    assert bool((AdaptiveTV(4.0, fbp, p=1.0).weights(VOLUME.shape) == 1).all())
    torch.testing.assert_close(images[0], images[1], rtol=0, atol=1e-12)


@pytest.mark.slow
def test_gains_over_total_variation(figure: Figure) -> None:
    truth = object_()
    data, fbp = scanned(truth)
    first, total_variation = best(data, truth, TotalVariation(), (2.0, 4.0, 8.0))
    _, from_tv = best(data, truth, AdaptiveTV(reference=first, eta=0.1), (32.0, 64.0, 128.0))
    _, from_fbp = best(data, truth, AdaptiveTV(reference=fbp, eta=0.1), (8.0, 16.0, 32.0))
    figure("TV", f"{total_variation:.1f} dB")
    figure("weights from TV", f"{from_tv:.1f} dB")
    figure("weights from FBP", f"{from_fbp:.1f} dB")
    assert from_tv >= total_variation + 3
    assert from_fbp >= total_variation + 1.5


@pytest.mark.slow
def test_gains_with_weights_from_a_network(figure: Figure) -> None:
    """A network trained for a minute on other objects, from their filtered backprojections."""
    truth = object_()
    data, fbp = scanned(truth)
    _, total_variation = best(data, truth, TotalVariation(), (2.0, 4.0, 8.0))
    first = trained()(fbp[None, None].float())[0, 0].double()
    _, from_network = best(data, truth, AdaptiveTV(reference=first, eta=0.1), (16.0, 32.0, 64.0))
    figure("network", f"{psnr(first, truth):.1f} dB")
    figure("weights from the network", f"{from_network:.1f} dB")
    assert from_network >= total_variation + 3


def trained() -> DnCNN:
    draw = torch.Generator().manual_seed(1)

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=draw))

    def slices() -> Tensor:
        parts = [Ellipse(1.0, between(15, 21), between(13, 19))]
        for _ in range(6):
            place = (between(-11, 11), between(-11, 11), between(0, 3.1))
            parts.append(Ellipse(between(-0.8, 0.8), between(1.5, 8), between(1.5, 8), *place))
        return EllipsePhantom(parts).rasterise(VOLUME, samples=1, dtype=torch.float64)

    truths = torch.stack([slices() for _ in range(120)])
    inputs = scanned(truths, seed=5)[1].float()[:, None]
    targets = truths.float()[:, None]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DnCNN(layers=6, features=16)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        some = torch.randint(0, len(truths), (8,), generator=draw)
        loss = (network(inputs[some]) - targets[some]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.requires_grad_(False)
