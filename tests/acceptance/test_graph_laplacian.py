"""graphLa+Ψ: ‖L_Ψ x‖₁ on the graph of a first reconstruction Ψ gains 5 dB over Tikhonov; L1 = 0.

λ of every reconstruction comes from the discrepancy principle, ‖Ax − y‖² = mσ².
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import GraphLaplacian
from recon.priors import GraphLaplacianPrior, NonNegative, Tikhonov, TotalVariation
from recon.solvers import LSQR, PDHG, DiscrepancyPrinciple, Gap, MaxIter, Problem, tune

from .conftest import Figure
from .few_view import NOISE, SCAN, VOLUME, object_, psnr, scanned

MOROZOV = DiscrepancyPrinciple(freedom=False)


def test_constants_are_annihilated() -> None:
    _, fbp = scanned(object_())
    L = GraphLaplacian(fbp, sigma=0.01, radius=2)
    ones = torch.ones(VOLUME.shape, dtype=torch.float64)
    assert float(L(ones).abs().max()) == 0.0
    assert float(L.degrees().min()) > 0


def firsts(data: Tensor, fbp: Tensor) -> dict[str, Tensor]:
    """Ψ by name; the two with a prior at the λ of the discrepancy principle."""
    tikhonov = tune(Problem(SCAN, data, NOISE, Tikhonov()), MOROZOV, LSQR(stop=MaxIter(40)))
    flat = TotalVariation() + NonNegative()
    tv = tune(Problem(SCAN, data, NOISE, flat), MOROZOV, PDHG(stop=MaxIter(300) | Gap(1e-3)), start=4.0, tol=0.1)
    return {"FBP": fbp, "Tikhonov": tikhonov.result.image, "TV": tv.result.image}


@pytest.mark.slow
def test_gains_over_tikhonov(figure: Figure) -> None:
    truth = object_()
    data, fbp = scanned(truth)
    loop = PDHG(stop=MaxIter(150))
    first = firsts(data, fbp)
    reference = psnr(first["Tikhonov"], truth)
    figure("Tikhonov", f"{reference:.1f} dB")
    figure("TV", f"{psnr(first['TV'], truth):.1f} dB")
    gains = {}
    for name, psi in first.items():
        prior = GraphLaplacianPrior(reference=psi, sigma=0.01) + NonNegative()
        tuned = tune(Problem(SCAN, data, NOISE, prior), MOROZOV, loop, start=1.0, tol=0.2)
        assert bool(tuned.met), tuned.sentence
        gains[name] = psnr(tuned.result.image, truth) - reference
        figure(f"graph of {name}", f"{gains[name] + reference:.1f} dB")
    assert min(gains.values()) >= 5, gains
