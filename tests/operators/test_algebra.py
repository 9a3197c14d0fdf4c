"""Operators made of operators against matrices."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Diagonal, Gradient, Identity, LinearOperator, SquaredL2, Stack

x = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, 1.0]], dtype=torch.float64)
D = Diagonal(torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]], dtype=torch.float64))


def test_expressions() -> None:
    torch.testing.assert_close((2 * D + Identity((2, 3)) - D @ D)(x), 2 * D(x) + x - D(D(x)))
    torch.testing.assert_close((-D).H(x), -D.adjoint(x))
    assert (D.H.H) is D


def test_complex_factors_are_conjugated_in_the_adjoint() -> None:
    z = x.to(torch.complex128)
    torch.testing.assert_close((2j * D).adjoint(z), -2j * D.adjoint(z))


def test_stack_splits_and_joins() -> None:
    S = Stack(D, Gradient((2, 3)))
    y = S(x.expand(4, 2, 3))
    assert y.shape == (4, 18)
    first, second = S.split(y)
    torch.testing.assert_close(first[2], D(x))
    torch.testing.assert_close(second[1], Gradient((2, 3))(x))
    torch.testing.assert_close(S.join((first, second)), y)
    torch.testing.assert_close(S.adjoint(y)[0], D.adjoint(D(x)) + Gradient((2, 3)).normal(x))


def test_composition_with_a_functional_is_a_functional_of_the_image() -> None:
    f = SquaredL2((2, 3)) @ D
    torch.testing.assert_close(f(x), 0.5 * D(x).square().sum())
    torch.testing.assert_close(f.vjp(x, torch.ones((), dtype=torch.float64)), D.normal(x))


def test_derivatives_of_compositions_follow_the_chain_rule() -> None:
    inner, v = SquaredL2((2, 3), weight=2.0), torch.ones(2, 3, dtype=torch.float64)
    for composed in (inner @ D, SquaredL2(()) @ inner @ D):
        value, move = torch.func.jvp(composed.__call__, (x,), (v,))
        torch.testing.assert_close(composed.jvp(x, v), move)
        (back,) = torch.func.vjp(composed.__call__, x)[1](torch.ones_like(value))
        torch.testing.assert_close(composed.vjp(x, torch.ones_like(value)), back)
        torch.testing.assert_close(composed.gauss_newton(x)(v), back * move)
        torch.testing.assert_close(composed.gauss_newton(x, lambda z: 3 * z)(v), 3 * back * move)
    torch.testing.assert_close(D.gauss_newton(x)(v), D.normal(v))
    torch.testing.assert_close(D.gauss_newton(x, lambda z: 3 * z)(v), 3 * D.normal(v))


def test_norm_estimates_reach_the_accuracy_they_state() -> None:
    generator = torch.Generator().manual_seed(1)
    M = torch.randn((40, 60), generator=generator, dtype=torch.float64)
    A = LinearOperator.from_functions(lambda v: v @ M.T, lambda w: w @ M, (60,), (40,))
    true = float(torch.linalg.matrix_norm(M, 2))
    for rtol in (1e-1, 1e-2, 1e-6):
        assert true * (1 - rtol) <= A.norm(rtol, like=M) <= true * (1 + 1e-12)
    assert A.norm_bound(M) >= true


def test_mismatches_are_named() -> None:
    with pytest.raises(ValueError, match=r"Gradient @ Diagonal: Gradient takes \(3, 3\), Diagonal gives \(2, 3\)"):
        Gradient((3, 3)) @ D
    with pytest.raises(ValueError, match=r"Diagonal expects a tensor of shape \(..., 2, 3\), got \(3, 2\)"):
        D(x.T)
    with pytest.raises(TypeError, match="apply operators to tensors as A"):
        D @ x  # type: ignore[operator]
