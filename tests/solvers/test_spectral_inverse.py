"""Inverses of sums of convolutions, and the x-update of ADMM made of them."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Blur, CartesianMRI, Gradient, Mask
from recon.priors import TotalVariation
from recon.solvers import ADMM, PDHG, Gap, MaxIter, Problem
from recon.solvers.optimisation.spectral_inverse import Part, spectral_inverse

PSF = torch.tensor([[0.1, 0.2, 0.1], [0.05, 0.3, 0.05], [0.0, 0.2, 0.0]])


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("shape", [(6, 5), (2, 5, 6)], ids=["odd", "channels"])
def test_inverts_periodic_sums_item_by_item(shape: tuple[int, ...], complex_: bool) -> None:
    kind = torch.complex128 if complex_ else torch.float64
    A, D = Blur(PSF, shape), Gradient(shape, axes=(-2, -1), boundary="circular")
    x = torch.randn(3, *shape, dtype=kind, generator=torch.Generator().manual_seed(0))
    w, rho = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64), torch.tensor([0.1, 0.3, 5.0], dtype=torch.float64)
    inverse = spectral_inverse([Part(A, w), Part(D, rho)], x, len(shape))
    assert inverse is not None
    assert inverse.above
    wide = (slice(None), *(None,) * len(shape))
    b = w[wide] * A.normal(x) + rho[wide] * D.normal(x)
    assert torch.allclose(inverse(b), x, atol=1e-10)
    alone = spectral_inverse([Part(A, w[1:2]), Part(D, rho[1:2])], x[1:2], len(shape))
    assert alone is not None
    assert torch.allclose(alone(b[1:2]), inverse(b)[1:2], rtol=0, atol=1e-13)


def test_none_where_nothing_is_declared() -> None:
    x = torch.zeros(1, 4, 4)
    ones = torch.ones(1)
    assert spectral_inverse([Part(Gradient((4, 4)), ones), Part(Mask(torch.ones(4, 4)), ones)], x, 2) is None


def test_weights_per_element_are_no_longer_below() -> None:
    x, ones = torch.zeros(1, 4, 4), torch.ones(1)
    inverse = spectral_inverse([Part(Gradient((4, 4)), ones), Part(Blur(PSF, (4, 4)), ones, False)], x, 2)
    assert inverse is not None
    assert not inverse.above


def _problems() -> dict[str, Problem]:
    generator = torch.Generator().manual_seed(1)
    x = torch.zeros(2, 8, 9, dtype=torch.float64)
    x[:, 2:6, 3:7] = 1.0
    noise = 0.05 * torch.randn(2, 8, 9, dtype=torch.float64, generator=generator)
    maps = torch.randn(3, 8, 9, dtype=torch.complex128, generator=generator)
    parallel = CartesianMRI(torch.tensor([1, 0, 1, 1, 1, 0, 1, 0, 1]), maps / torch.linalg.vector_norm(maps, dim=0))
    found = {"MRI": Problem(parallel, parallel(x + 0.3j * x), prior=TotalVariation(0.02))}
    for boundary in ("circular", "reflect"):
        A = Blur(PSF, (8, 9), boundary)
        found[f"{boundary} blur"] = Problem(A, A(x) + noise, prior=TotalVariation(0.02))
    return found


@pytest.mark.parametrize("name", ["circular blur", "reflect blur", "MRI"])
def test_admm_reaches_the_optimum_of_pdhg_and_proves_it(name: str) -> None:
    problem = _problems()[name]
    stop = MaxIter(20000) | Gap(1e-7)
    ours, theirs = (solver.solve(problem) for solver in (ADMM(stop=stop), PDHG(stop=stop)))
    assert set(ours.reasons) == {"converged"}
    assert torch.allclose(problem.objective(ours.image), problem.objective(theirs.image), rtol=3e-7, atol=0)
