"""The hierarchical group norm: its branches, its prox, and what it refuses."""

# ruff: noqa: E501  (every message stands whole, so that searching for one finds it)

from __future__ import annotations

import pytest
import torch

from recon.operators import L1, TreeNorm

CHAIN = torch.tensor([-1, 0, 1])


def test_value_is_the_sum_of_the_norms_of_all_branches() -> None:
    f = TreeNorm((3,), CHAIN, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    x = torch.tensor([[2.0, 1.0, -2.0], [0.0, 3.0, 4.0]], dtype=torch.float64)
    assert f(x).tolist() == pytest.approx([3 + 2 * 5**0.5 + 6, 5 + 10 + 12])
    assert f(x.to(torch.complex128) * 1j).tolist() == pytest.approx(f(x).tolist())


def test_a_forest_of_roots_is_the_l1_norm() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    f, plain = TreeNorm((3, 4), torch.full((3, 4), -1), 0.7), L1((3, 4), 0.7)
    torch.testing.assert_close(f(x), plain(x))
    torch.testing.assert_close(f.prox(x, 0.9), plain.prox(x, 0.9))


def test_a_branch_goes_as_a_whole_and_children_never_stay_without_their_parents() -> None:
    f = TreeNorm((7,), torch.tensor([-1, 0, 0, 1, 1, 2, 2]))
    x = 1.3 * torch.randn(400, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    p = f.prox(x, 0.8)
    for child, parent in enumerate(f.parents.tolist()):
        if parent >= 0:
            assert not bool(((p[:, parent] == 0) & (p[:, child] != 0)).any())
    assert 0.2 < float((p == 0).double().mean()) < 0.8


def test_derivatives_of_the_prox() -> None:
    f = TreeNorm((2, 3), torch.tensor([[-1, 0, 0], [1, 1, -1]]))
    x = torch.randn(2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    tau = torch.tensor([0.2, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(f.prox, (x, tau))


@pytest.mark.parametrize(
    ("parents", "weights", "message"),
    [
        ([1, 0, -1], 1.0, "TreeNorm expects parents that lead to a root (-1) from everywhere, got a circle."),
        ([-1, 0, 3], 1.0, "TreeNorm expects parents from -1 to 2, got -1 to 3."),
        ([-1, 0], 1.0, "TreeNorm expects parents to be whole numbers of the shape (3,) of an item, got int64 of shape (2,)."),
        ([-1.0, 0, 1], 1.0, "TreeNorm expects parents to be whole numbers of the shape (3,) of an item, got float32 of shape (3,)."),
        ([-1, 0, 1], -1.0, "TreeNorm expects nonnegative weights."),
    ],
)  # fmt: skip
def test_what_is_no_forest_is_refused(parents: list[float], weights: float, message: str) -> None:
    with pytest.raises(ValueError, match="TreeNorm") as error:
        TreeNorm((3,), torch.tensor(parents), weights)
    assert str(error.value) == message


def test_a_step_per_element_is_refused() -> None:
    with pytest.raises(ValueError, match="one step per item only"):
        TreeNorm((3,), CHAIN).prox(torch.ones(3), torch.ones(3))
