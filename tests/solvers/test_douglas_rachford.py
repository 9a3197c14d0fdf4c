"""Douglas-Rachford splitting on problems whose answer is a formula."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Blur, CapabilityError, GaussianNoise, Identity, L1Fidelity, Mask, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import Box, NonNegative, TotalVariation
from recon.solvers import PDHG, DouglasRachford, Gap, MaxIter, Problem, Reason, Solver

STOP = MaxIter(5000) | Gap(1e-6)


@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.9])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_bounded_least_squares(scale: float, relaxation: float) -> None:
    weights = scale * torch.linspace(0.3, 1.2, 12, dtype=torch.float64)
    data = scale * (torch.rand((3, 12), generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.4)
    problem = Problem(Diagonal(weights), data, GaussianNoise(0.3 * scale), Box(0, 0.5))
    result = DouglasRachford(relaxation=relaxation, stop=MaxIter(3000) | Gap(1e-9)).solve(problem)
    torch.testing.assert_close(result.image, (data / weights).clamp(0, 0.5), rtol=1e-4, atol=1e-4)
    assert set(result.reasons) == {Reason.CONVERGED}


def test_poisson_denoising_within_bounds() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = PoissonNoise(0.1)
    data = noise.sample(1 + torch.rand((2, 5, 6), generator=generator, dtype=torch.float64), generator)
    problem = Problem(Identity((5, 6)), data, noise, Box(0.8, 1.5))
    image = DouglasRachford(stop=MaxIter(2000)).solve(problem).image
    torch.testing.assert_close(image, data.clamp(0.8, 1.5), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "solver", [DouglasRachford(stop=STOP), PDHG(data_term="primal", stop=STOP)], ids=["DouglasRachford", "PDHG"]
)
def test_a_data_term_with_kinks(solver: Solver) -> None:
    """TV-ℓ1 denoising, for which the dual of the data term comes from its prox, not from a gradient."""
    data = torch.rand((2, 5, 6), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    problem = Problem(Identity((5, 6)), data, fidelity=L1Fidelity(), prior=TotalVariation(0.3))
    result, other = solver.solve(problem), PDHG(stop=STOP).solve(problem)
    assert set(result.reasons) == {Reason.CONVERGED}
    torch.testing.assert_close(result.last("objective"), other.last("objective"), rtol=2e-6, atol=0)


def test_rebalancing_keeps_the_answer_and_the_subgradient() -> None:
    data = torch.rand((2, 5, 6), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    problem = Problem(Mask((data[0] > 0.3).double()), data, GaussianNoise(0.3), TotalVariation(0.5))
    adaptive, fixed = DouglasRachford(), DouglasRachford(adaptive=False)
    state = adaptive.init(problem)
    for _ in range(9):
        state = adaptive.step(problem, state)
    moved, stayed = adaptive.step(problem, state), fixed.step(problem, state)
    assert not torch.equal(moved.tau, stayed.tau)
    common = moved.x + adaptive.relaxation * (moved.w - moved.x)
    before = (stayed.z - common) / stayed.tau[:, None, None]
    after = (moved.z - common) / moved.tau[:, None, None]
    torch.testing.assert_close(before, after)


def test_refuses_by_name() -> None:
    blur = Blur(torch.ones(3, 3) / 9, (5, 6), boundary="reflect")
    with pytest.raises(CapabilityError, match="the prox of SquaredL2 behind Blur has no closed form"):
        DouglasRachford().solve(Problem(blur, torch.ones(5, 6), prior=NonNegative()))
    with pytest.raises(CapabilityError, match="the prox of PoissonKL behind Diagonal has no closed form"):
        DouglasRachford().solve(Problem(Diagonal(torch.ones(3)), torch.ones(3), PoissonNoise(), NonNegative()))
    with pytest.raises(ValueError, match=r"relaxation in \(0, 2\), got 0"):
        DouglasRachford(relaxation=0)
    with pytest.raises(ValueError, match="inner_tol > 0"):
        DouglasRachford(inner_tol=0)
