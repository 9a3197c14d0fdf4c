"""Direct reconstructions against the formulas and against known images."""

from math import pi

import pytest
import torch

from recon.operators import (
    CapabilityError,
    Diagonal,
    FilteredBackprojection,
    Identity,
    ParallelBeam,
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
