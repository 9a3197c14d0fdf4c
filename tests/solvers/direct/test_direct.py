"""Direct reconstructions against the formulas and against known images."""

from math import pi

import pytest
import torch

from recon.operators import (
    BeerLambertNoise,
    CapabilityError,
    Diagonal,
    FilteredBackprojection,
    Identity,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Volume,
)
from recon.priors import TotalVariation
from recon.solvers import FBP, Problem, PseudoInverse, Reason, ZeroFilled


def disc(n: int) -> torch.Tensor:
    centre = torch.arange(n, dtype=torch.float64) - (n - 1) / 2
    return (centre[:, None] ** 2 + centre[None] ** 2 < (n / 3) ** 2).double()


def rays(n: int, views: int) -> RayTransform:
    return RayTransform(Volume((n, n)), ParallelBeam([pi * a / views for a in range(views)], 3 * n // 2))


def test_fbp_is_filtered_backprojection_and_recovers_a_disc() -> None:
    A, x = rays(32, 60), disc(32)
    result = FBP().solve(Problem(A, A(x)))
    assert torch.equal(result.image, FilteredBackprojection(A)(A(x)))
    assert result.reason is Reason.COMPLETED
    assert int(result.iterations) == 1
    assert abs(float(result.image[12:20, 12:20].mean()) - 1) < 0.01
    assert float((result.image - x).norm() / x.norm()) < 0.2
    assert float(result.last("misfit")) < 0.05


def test_fbp_passes_its_filter_on_and_undoes_a_factor() -> None:
    A, x = rays(16, 24), disc(16)
    soft = FBP(filter="hann", cutoff=0.7).solve(Problem(A, A(x))).image
    assert torch.equal(soft, FilteredBackprojection(A, "hann", 0.7)(A(x)))
    assert torch.allclose(FBP(filter="hann", cutoff=0.7).solve(Problem(2.0 * A, 2.0 * A(x))).image, soft)


def test_zero_filled_is_the_adjoint() -> None:
    y = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    A = Diagonal(torch.tensor([1j, 2.0, 0.0]))
    result = ZeroFilled().solve(Problem(A, y + 0j))
    assert torch.equal(result.image, torch.tensor([-1j, 2.0, 0.0]) * y)


def test_the_pseudo_inverse_is_exact_where_it_can_be() -> None:
    A = Diagonal(torch.tensor([2.0, 0.0, -4.0]))
    result = PseudoInverse().solve(Problem(A, torch.tensor([1.0, 7.0, 2.0])))
    assert torch.equal(result.image, torch.tensor([0.5, 0.0, -0.5]))


@pytest.mark.parametrize(
    ("solver", "problem", "message"),
    [
        (FBP(), Problem(Identity((3,)), torch.ones(3)), "FBP needs a ray transform, got Identity."),
        (
            PseudoInverse(),
            Problem(Identity((3,)) + Identity((3,)), torch.ones(3)),
            "PseudoInverse needs a closed-form pinv, which Sum does not have.",
        ),
    ],
)
def test_what_an_operator_lacks_is_said(solver: FBP, problem: Problem, message: str) -> None:
    with pytest.raises(CapabilityError) as error:
        solver.solve(problem)
    assert str(error.value) == message


def test_a_prior_is_refused_rather_than_ignored() -> None:
    problem = Problem(Identity((3, 3)), torch.ones(3, 3), prior=TotalVariation())
    with pytest.raises(TypeError, match=r"^ZeroFilled uses no prior, got TotalVariation; leave it out\.$"):
        ZeroFilled().solve(problem)


@pytest.mark.parametrize("settings", [{"cutoff": 0.0}, {"cutoff": 1.5}, {"filter": "box"}])
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^FBP expects a "):
        FBP(**settings)  # type: ignore[arg-type]


def test_counts_become_line_integrals_before_the_formula() -> None:
    A = RayTransform(Volume((32, 32)), ParallelBeam([pi * a / 60 for a in range(60)], 46))
    x = torch.zeros(32, 32, dtype=torch.float64)
    x[8:20, 9:25] = 0.02
    clean = FBP().solve(Problem(A, A(x))).image
    absorbed = Problem(A, (1e8 * torch.exp(-A(x)) + 50).round(), BeerLambertNoise(1e8, 50.0))
    torch.testing.assert_close(FBP().solve(absorbed).image, clean, rtol=0, atol=1e-6)
    emitted = Problem(A, A(x).clamp(min=0) + 0.5, PoissonNoise(1e-3, 0.5))
    torch.testing.assert_close(FBP().solve(emitted).image, FBP().solve(Problem(A, A(x).clamp(min=0))).image)
    assert float(FBP().solve(absorbed).last("misfit")) < 0.1
