"""The loop: reasons, freezing, divergence, interruption, history."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from recon.operators import Identity
from recon.operators.diagonal import Diagonal
from recon.priors import TGV, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, MaxSeconds, Problem, Reason, RelChange, Residuals, Solver, iterate, unroll


class State(NamedTuple):
    x: Tensor
    factor: Tensor


class Geometric(Solver):
    """x⁺ = y_0 x per item: converges, diverges or becomes NaN as the data say."""

    def init(self, problem: Problem, initial: Tensor | None = None) -> State:
        return State(torch.ones_like(problem.data) if initial is None else initial, problem.data)

    def step(self, problem: Problem, state: State) -> State:
        assert problem.data.shape == state.x.shape  # finished items have left both
        return State(state.x * state.factor, state.factor)

    def image(self, state: State) -> Tensor:
        return state.x


def _problem(*factors: float) -> Problem:
    return Problem(Identity((1,)), torch.tensor(factors, dtype=torch.float64)[:, None])


def test_every_item_stops_by_itself_with_its_reason() -> None:
    solver = Geometric(stop=MaxIter(30) | RelChange(0.6), check_every=1)
    result = solver.solve(_problem(0.1, 0.9, 10.0, 1.5))
    # change of item 0: |x⁺ − x|/|x⁺| = 9; of item 1: 1/9; of item 2: 0.9 until 1e8 is passed; of item 3: 1/3
    assert result.reasons == (Reason.MAX_ITER, Reason.CONVERGED, Reason.DIVERGED, Reason.CONVERGED)
    assert result.iterations.tolist() == [30, 1, 10, 1]
    assert result.image.squeeze(-1).tolist() == pytest.approx([1e-30, 0.9, 1e9, 1.5])
    assert result.history["change"].shape == (30, 4)
    assert bool(result.history["change"][1:, 1].isnan().all())
    assert result.reason is Reason.DIVERGED
    assert "last good iterate" in result.reason.sentence


def test_errors_are_recorded_where_the_truth_is_known() -> None:
    solver, problem = Geometric(stop=MaxIter(3) | RelChange(0.6), check_every=1), _problem(0.5, 0.9)
    truth = torch.tensor([[0.25], [1.0]], dtype=torch.float64)
    result = solver.solve(problem, truth=truth)
    # x = 0.5, 0.25, 0.125 and 0.9, whose change of 1/9 ends it
    assert result.history["mse"][:, 0].tolist() == pytest.approx([0.0625, 0.0, 0.125**2])
    assert result.history["mse"][0, 1].item() == pytest.approx(0.01)
    assert bool(result.history["mse"][1:, 1].isnan().all())
    plain = solver.solve(problem)
    assert "mse" not in plain.history
    assert torch.equal(plain.image, result.image)


def test_errors_are_those_of_the_image_where_the_unknowns_are_more() -> None:
    generator = torch.Generator().manual_seed(0)
    data = torch.rand((1, 6, 6), generator=generator, dtype=torch.float64)
    problem = Problem(Identity((6, 6)), data, prior=TGV(0.1))
    result = PDHG(stop=MaxIter(5), check_every=5).solve(problem, truth=data[0])
    assert result.history["mse"][-1].item() == pytest.approx((result.image - data).square().mean().item())


def test_a_truth_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expects a tensor of shape \(\.\.\., 1\), got \(2,\)"):
        Geometric().solve(_problem(0.5), truth=torch.zeros(2))


def test_non_finite_iterates_stop_at_once_with_the_last_finite_one() -> None:
    class Breaks(Geometric):
        def step(self, problem: Problem, state: State) -> State:
            x = state.x * state.factor
            return State(torch.where(x < 0.2, torch.nan, x), state.factor)

    result = Breaks(stop=MaxIter(10)).solve(_problem(0.5, 1.0))
    assert result.reasons == (Reason.DIVERGED, Reason.MAX_ITER)
    assert result.image.squeeze(-1).tolist() == [0.25, 1.0]
    assert result.iterations.tolist() == [3, 10]


def test_interrupt_keeps_the_latest_iterates() -> None:
    def callback(iteration: int, measured: object) -> None:
        if iteration == 4:
            raise KeyboardInterrupt

    result = iterate(Geometric(stop=MaxIter(100)), _problem(0.5), callback=callback)
    assert result.reason is Reason.INTERRUPTED
    assert result.image.item() == 0.5**4


def test_batch_shapes_and_empty_batches() -> None:
    data = torch.rand((2, 3, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    A = Diagonal(torch.linspace(0.5, 1, 20, dtype=torch.float64).reshape(4, 5))
    solver = PDHG(stop=MaxIter(50), check_every=25)
    result = solver.solve(Problem(A, data, prior=TotalVariation(0.2)))
    assert result.image.shape == (2, 3, 4, 5)
    assert result.history["objective"].shape == (2, 2, 3)
    one = solver.solve(Problem(A, data[1, 2], prior=TotalVariation(0.2)))
    torch.testing.assert_close(result.image[1, 2], one.image, rtol=1e-12, atol=1e-12)
    assert one.reasons == (Reason.MAX_ITER,)
    empty = solver.solve(Problem(A, data[:0, 0], prior=TotalVariation(0.2)))
    assert empty.image.shape == (0, 4, 5)
    assert empty.reasons == ()


@pytest.mark.parametrize("size", [1, 16])
def test_a_batch_of_16_equals_16_batches_of_one(size: int) -> None:
    data = torch.rand((16, 4, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    A = Diagonal(torch.linspace(0.5, 1, 20, dtype=torch.float64).reshape(4, 5))
    solver = PDHG(stop=MaxIter(2000) | Gap(1e-6))
    whole = solver.solve(Problem(A, data, prior=TotalVariation(0.2)))
    part = solver.solve(Problem(A, data[16 - size :], prior=TotalVariation(0.2)))
    torch.testing.assert_close(whole.image[16 - size :], part.image, rtol=1e-12, atol=1e-12)
    assert whole.iterations[16 - size :].tolist() == part.iterations.tolist()
    assert len(set(whole.iterations.tolist())) > 1


def test_a_problem_with_a_sigma_per_item_equals_the_items_alone() -> None:
    from recon.operators import GaussianNoise

    data = torch.rand((3, 4, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    A = Identity((4, 5))
    sigma = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    solver = PDHG(stop=MaxIter(3000) | Gap(1e-7))
    whole = solver.solve(Problem(A, data, GaussianNoise(sigma), TotalVariation(0.2)))
    for item in range(3):
        alone = solver.solve(Problem(A, data[item], GaussianNoise(float(sigma[item])), TotalVariation(0.2)))
        torch.testing.assert_close(whole.image[item], alone.image, rtol=1e-9, atol=1e-9)


def test_stopping_rules_compose() -> None:
    rule = (MaxIter(10) | Gap(0.1)) & MaxSeconds(1e9)
    assert rule.needs == {"relative_gap"}
    assert rule.max_iter == float("inf")
    assert (MaxIter(10) | MaxIter(5)).max_iter == 5
    assert (MaxIter(10) & MaxIter(5)).max_iter == 10
    assert repr(MaxIter(10) | Gap(0.1)) == "MaxIter(n=10) | Gap(tol=0.1)"
    assert MaxIter(3) | Gap(0.1) == MaxIter(3) | Gap(0.1)


def test_a_rule_that_the_solver_cannot_measure_is_refused_at_construction() -> None:
    with pytest.raises(ValueError, match=r"does not measure relative_gap, which its rule Gap\(tol=0.1\) needs"):
        Geometric(stop=Gap(0.1))
    with pytest.raises(ValueError, match="MaxIter expects a number of iterations >= 0"):
        MaxIter(-1)
    with pytest.raises(ValueError, match="Residuals expects tol > 0"):
        Residuals(0)


def test_max_iter_zero_returns_the_start() -> None:
    result = Geometric(stop=MaxIter(0)).solve(_problem(0.5))
    assert result.image.item() == 1.0
    assert result.reasons == (Reason.MAX_ITER,)


def test_time_limit() -> None:
    result = Geometric(stop=MaxSeconds(1e-9)).solve(_problem(0.5))
    assert result.reasons == (Reason.TIME_LIMIT,)


def test_unrolled_gradient_against_finite_differences() -> None:
    A = Diagonal(torch.linspace(0.5, 1, 6, dtype=torch.float64).reshape(2, 3))

    def image(data: Tensor) -> Tensor:
        return unroll(PDHG(steps="constant"), Problem(A, data, prior=TotalVariation(0.05)), 8)

    data = torch.rand((2, 2, 3), generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(image, (data,), atol=1e-6, rtol=1e-5)
    plain = PDHG(steps="constant", stop=MaxIter(8)).solve(Problem(A, data.detach(), prior=TotalVariation(0.05)))
    torch.testing.assert_close(image(data).detach(), plain.image)


@pytest.mark.slow
def test_compiled_steps_give_the_same_images() -> None:
    A = Diagonal(torch.linspace(0.5, 1, 20, dtype=torch.float64).reshape(4, 5))
    data = torch.rand((2, 4, 5), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    problem = Problem(A, data, prior=TotalVariation(0.2))
    solver = PDHG(stop=MaxIter(25))
    torch.testing.assert_close(solver.solve(problem, compile=True).image, solver.solve(problem).image)


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    from recon.operators import GaussianNoise
    from recon.priors import NonNegative

    A, data = Identity((7,)), torch.ones((3, 7), dtype=torch.float64)
    with pytest.raises(ValueError, match=r"sigma of shape \(2,\) for a batch of shape \(3,\)"):
        Problem(A, data, GaussianNoise(torch.tensor([1.0, 2.0])))
    with pytest.raises(TypeError, match="NonNegative needs real images"):
        PDHG().solve(Problem(A, data.to(torch.complex128), prior=NonNegative()))
    with pytest.raises(TypeError, match=r"solvers work in single or double precision, got torch\.float16"):
        PDHG().solve(Problem(A, data.half(), prior=TotalVariation()))
    with pytest.raises(ValueError, match="initial image must be finite"):
        PDHG().solve(Problem(A, data), torch.full((3, 7), torch.nan))
    with pytest.raises(TypeError, match="complex initial image"):
        PDHG().solve(Problem(A, data), torch.ones((3, 7), dtype=torch.complex128))
    with pytest.raises(TypeError, match="PDHG solves a Problem, got str"):
        PDHG().solve("x")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="'gap' was not measured; measured were change, iteration, seconds"):
        Geometric(stop=MaxIter(1)).solve(_problem(0.5)).last("gap")
    with pytest.raises(ValueError, match=r"TotalVariation got weights of shape \(2,\)"):
        TotalVariation(weights=torch.ones(2)).terms((7,))


def test_constraints_without_a_common_image_have_no_finite_gap() -> None:
    from recon.priors import Box

    problem = Problem(Identity((4,)), torch.ones(4, dtype=torch.float64), prior=Box(0, 0.2) + Box(0.5, 1))
    result = PDHG(stop=MaxIter(40)).solve(problem)
    assert float(result.last("relative_gap")) == float("inf")
