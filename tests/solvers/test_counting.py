from __future__ import annotations

import copy

import pytest
import torch

from recon.operators import Blur, Diagonal, Identity, ParallelBeam, RayTransform, Volume
from recon.priors import DenoiserPrior, GaussianPrior, TotalVariation
from recon.solvers import CGLS, PDHG, MaxIter, PnPHQS, Problem
from recon.solvers.counting import counted


def problem(prior: object = None, operator: object = None, items: int = 1) -> Problem:
    data = torch.rand(items, 6, 6, generator=torch.Generator().manual_seed(0))
    return Problem(operator or Diagonal(torch.linspace(0.5, 1, 36).reshape(6, 6)), data, prior=prior)  # type: ignore[arg-type]


def test_calls_by_hand() -> None:
    A, y = Identity((3, 3)), torch.ones(2, 3, 3)
    with counted(A) as count:
        A(A(y))
        A.adjoint(y)
        A.normal(y)
    assert dict(count) == {"forward": 2, "adjoint": 1, "normal": 1}
    A(y)
    assert count["forward"] == 2, "outside nothing is counted"


def test_what_a_counted_call_does_inside_belongs_to_it() -> None:
    A = Diagonal(torch.arange(1.0, 4))
    with counted(A) as count:
        A.normal(torch.ones(3))
        A.apply_adjoint(A.apply(torch.ones(3)))
    assert dict(count) == {"normal": 1, "forward": 1, "adjoint": 1}


def test_the_adjoint_operator_is_the_same_operator_turned_round() -> None:
    A = Blur(torch.ones(3, 3) / 9, (6, 6))
    with counted(A) as count:
        A.H(A(torch.ones(6, 6)))
    assert dict(count) == {"forward": 1, "adjoint": 1}


def test_derivatives_are_applications() -> None:
    A = Diagonal(torch.arange(1.0, 4))
    x = torch.ones(3, requires_grad=True)
    with counted(A) as count:
        A(x).sum().backward()
    assert dict(count) == {"forward": 1, "adjoint": 1}


@pytest.mark.parametrize("items", [1, 3])
def test_cgls_applies_operator_and_adjoint_once_an_iteration(items: int) -> None:
    """And Aᴴy twice before, for the residual and for its size, and both once to measure; a batch counts once."""
    question = problem(items=items)
    with counted(question.operator, question.prior) as count:
        result = CGLS(stop=MaxIter(5), check_every=100).solve(question)
    assert int(result.iterations.max()) == 5
    assert dict(count) == {"forward": 5 + 1, "adjoint": 2 + 5 + 1}


def test_a_longer_run_calls_as_much_more_as_it_has_iterations() -> None:
    found = []
    for number in (5, 12):
        question = problem(TotalVariation(0.1))
        with counted(question.operator, question.prior) as count:
            PDHG(stop=MaxIter(number), check_every=100).solve(question)
        found.append(count)
    assert found[1]["forward"] - found[0]["forward"] == 7
    assert found[1]["adjoint"] - found[0]["adjoint"] == 7


def test_denoisers_are_counted() -> None:
    prior = DenoiserPrior(lambda x, sigma: x, 0.1)
    question = problem(prior)
    with counted(question.operator, question.prior) as count:
        result = PnPHQS(stop=MaxIter(4)).solve(question)
    assert count["denoise"] == int(result.iterations.max()) == 4
    gaussian = GaussianPrior()
    with counted(gaussian) as count:
        gaussian.denoise(torch.ones(2, 4, 4), 0.1)
        gaussian.expectation(torch.ones(2, 4, 4), 0.1)
    assert count["denoise"] == 2


def test_objects_are_what_they_were_afterwards() -> None:
    A = Identity((3,))
    before = dict(A.__dict__)
    with counted(A, None):
        assert type(A) is not Identity
        assert isinstance(A, Identity)
        assert type(A).__qualname__ == "Identity", "messages call it as ever"
    with pytest.raises(ValueError, match="shape"), counted(A):
        A(torch.ones(4))
    assert type(A) is Identity
    assert A.__dict__ == before
    assert Identity.apply.__module__ == "recon.operators.identity", "the class is untouched"


def test_blocks_inside_each_other_count_on_their_own() -> None:
    A = Identity((3,))
    with counted(A, A) as outer:
        with counted(A) as inner:
            A(torch.ones(3))
        A(torch.ones(3))
    assert (outer["forward"], inner["forward"]) == (2, 1)
    assert type(A) is Identity
    assert "_tally" not in A.__dict__


def test_images_of_a_batch() -> None:
    A, prior = RayTransform(Volume((4, 4)), ParallelBeam([0.0, 1.0, 2.0], 5)), GaussianPrior()
    with counted(A, prior, shape=(4, 4)) as count:
        y = A(torch.ones(3, 2, 4, 4))
        A.adjoint(y[0])
        A.normal(torch.ones(4, 4))
        prior(torch.ones(5, 4, 4), 0.1)
    assert dict(count) == {"forward": 1, "adjoint": 1, "normal": 1, "denoise": 1}
    assert dict(count.images) == {"forward": 6, "adjoint": 2, "normal": 1, "denoise": 5}


def test_the_pullback_of_a_denoiser_is_a_call_of_its_derivative() -> None:
    """And the linearisation a call of the denoiser, whether it is formed by calling it or not."""
    prior, u = GaussianPrior(0.2, std=0.5), torch.ones(3, 4)
    with counted(prior, shape=(4,)) as count:
        mean, pullback = prior.linearise(u, 0.1)
        slopes = [pullback(torch.ones(3, 4)) for _ in range(2)]
    assert dict(count) == {"denoise": 1, "vjp": 2}
    assert dict(count.images) == {"denoise": 3, "vjp": 6}
    torch.testing.assert_close(mean, prior(u, 0.1))
    torch.testing.assert_close(slopes[1], torch.full((3, 4), 0.25 / 0.26))
    pullback(torch.ones(3, 4))
    assert count["vjp"] == 2, "outside nothing is counted"


def test_a_copy_made_inside_goes_on_working() -> None:
    A = Diagonal(torch.arange(1.0, 4))
    with counted(A) as count:
        other = copy.copy(A)
        other(torch.ones(3))
    assert count["forward"] == 1
    torch.testing.assert_close(other(torch.ones(3)), torch.arange(1.0, 4))
    with counted(other) as count:
        other(torch.ones(3))
    assert (count["forward"], type(other)) == (1, Diagonal)


def test_two_objects_of_one_class_are_counted_apart() -> None:
    A, B = Identity((3,)), Identity((3,))
    with counted(A) as count:
        B(torch.ones(3))
        with counted(B) as other:
            B(torch.ones(3))
    assert (count["forward"], other["forward"]) == (0, 1)


def test_results_are_the_same_counted_or_not() -> None:
    def solved(*objects: object) -> torch.Tensor:
        question = problem(TotalVariation(0.1))
        with counted(*((question.operator, question.prior) if objects else ())):
            return PDHG(stop=MaxIter(10)).solve(question).image

    assert torch.equal(solved(), solved(1))
