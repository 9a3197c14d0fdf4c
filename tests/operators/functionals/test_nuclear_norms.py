"""Nuclear norms of matrices and of tensors in the algebra of tubes, with their proximal maps and derivatives."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch
from torch import Tensor

from recon.operators import NuclearNorm, TubalNuclearNorm, tubal_product, tubal_transpose
from recon.operators.functionals.singular_values import shrink_singular_values

COMPLEX = [torch.float64, torch.complex128]


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", COMPLEX)
def test_matrices_are_formed_from_the_axes_named(dtype: torch.dtype) -> None:
    x = random(2, 3, 4, 5, dtype=dtype)
    f = NuclearNorm((3, 4, 5), rows=(1,), columns=(2, 0))
    expected = torch.linalg.matrix_norm(x.permute(0, 2, 3, 1).reshape(2, 4, 15), "nuc")
    torch.testing.assert_close(f(x), expected)
    torch.testing.assert_close(f.images(f.matrices(x)), x)
    one_each = NuclearNorm((3, 4, 5), rows=(0,), columns=(2,))
    expected = torch.linalg.matrix_norm(x.permute(0, 2, 1, 3), "nuc").sum(1)
    torch.testing.assert_close(one_each(x), expected)


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("tau", [0.3, 2.0])
def test_prox_is_the_minimiser_of_an_independent_solver(dtype: torch.dtype, tau: float) -> None:
    x = random(4, 3, dtype=dtype)
    z = cp.Variable((4, 3), complex=dtype.is_complex)
    cost = cp.normNuc(z) + cp.sum_squares(z - x.numpy()) / (2 * tau)
    problem = cp.Problem(cp.Minimize(cost))
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    f = NuclearNorm((4, 3))
    p = f.prox(x, tau)
    assert float(f(p)) + float((p - x).abs().square().sum()) / (2 * tau) == pytest.approx(problem.value, abs=1e-8)
    torch.testing.assert_close(p, torch.from_numpy(z.value), atol=1e-5, rtol=0)
    # and its optimality condition: (x − p)/τ = UVᴴ + W with UᴴW = 0, WV = 0, ‖W‖ ≤ 1
    q = (x - p) / tau
    assert float(torch.linalg.matrix_norm(q, 2)) <= 1 + 1e-12
    assert float((q.conj() * p).sum().real) == pytest.approx(float(f(p)), abs=1e-10)


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("spectrum", [(3.0, 3.0, 0.2), (2.0, 0.0, 0.0), (0.3, 0.2, 0.2)])
def test_derivatives_of_the_threshold_where_singular_values_meet_or_vanish(
    dtype: torch.dtype, spectrum: tuple[float, ...]
) -> None:
    U, V = (torch.linalg.qr(random(n, 3, dtype=dtype, seed=n)).Q for n in (4, 3))
    x = ((U * torch.tensor(spectrum, dtype=torch.float64)) @ V.mH).requires_grad_()
    t = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(shrink_singular_values, (x, t), check_forward_ad=True, atol=1e-6)


def test_matrices_that_are_not_finite_do_not_spoil_others() -> None:
    x = random(2, 3, 4)
    x[0, 1, 1] = torch.nan
    f = NuclearNorm((3, 4))
    assert f(x).isnan().tolist() == [True, False]
    assert bool(f.prox(x, 1.0)[0].isnan().all())
    torch.testing.assert_close(f.prox(x, 1.0)[1], f.prox(x[1], 1.0))


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("n", [4, 5])
def test_tubal_norm_is_the_mean_over_slices(dtype: torch.dtype, n: int) -> None:
    x = random(2, 3, 4, n, dtype=dtype)
    spectrum = torch.fft.fft(x).movedim(-1, 1)
    expected = torch.linalg.matrix_norm(spectrum, "nuc").mean(1)
    torch.testing.assert_close(TubalNuclearNorm((3, 4, n))(x), expected)
    torch.testing.assert_close(TubalNuclearNorm((n, 3, 4), tube=0)(x.movedim(-1, 1)), expected)
    p = TubalNuclearNorm((3, 4, n)).prox(x, 0.8)
    U, s, Vh = torch.linalg.svd(spectrum, full_matrices=False)
    shrunk = ((U * (s - 0.8).clamp(min=0)[..., None, :]) @ Vh).movedim(1, -1)
    torch.testing.assert_close(torch.fft.fft(p), shrunk)


@pytest.mark.parametrize("dtype", COMPLEX)
def test_tubes_of_length_one_are_matrices(dtype: torch.dtype) -> None:
    x = random(3, 4, 1, dtype=dtype)
    f, g = TubalNuclearNorm((3, 4, 1)), NuclearNorm((3, 4))
    torch.testing.assert_close(f(x), g(x[..., 0]))
    torch.testing.assert_close(f.prox(x, 0.8)[..., 0], g.prox(x[..., 0], 0.8))


def test_tubal_norm_is_the_first_slice_of_the_singular_tensor() -> None:
    """x = U ∗ S ∗ Vᵀ with f-diagonal S: f is the sum of S[i, i, 0] (definition 7 of Lu et al.)."""
    x = random(3, 3, 4)
    U, s, Vh = torch.linalg.svd(torch.fft.fft(x).movedim(-1, 0))
    S = torch.fft.ifft(torch.diag_embed(s), dim=0).movedim(0, -1)
    assert float(TubalNuclearNorm((3, 3, 4))(x)) == pytest.approx(float(S[..., 0].real.trace()))
    rebuilt = torch.fft.ifft(U @ torch.diag_embed(s).to(U) @ Vh, dim=0).movedim(0, -1)
    torch.testing.assert_close(rebuilt.real, x)


@pytest.mark.parametrize("dtype", COMPLEX)
def test_tubal_product_convolves_tubes(dtype: torch.dtype) -> None:
    a, b = random(2, 3, 4, dtype=dtype), random(3, 2, 4, dtype=dtype, seed=1)
    expected = torch.zeros(2, 2, 4, dtype=dtype)
    for i in range(2):
        for j in range(2):
            for t in range(4):
                expected[i, j, t] = sum(a[i, k, u] * b[k, j, (t - u) % 4] for k in range(3) for u in range(4))
    torch.testing.assert_close(tubal_product(a, b), expected)
    left = tubal_transpose(tubal_product(a, b))
    torch.testing.assert_close(left, tubal_product(tubal_transpose(b), tubal_transpose(a)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: NuclearNorm((3, 4), rows=(0, 0)),
            "NuclearNorm expects distinct axes of a 2-dimensional item, got (0, 0).",
        ),
        (lambda: NuclearNorm((3, 4), rows=(0, 1)), "NuclearNorm expects rows and columns, got axes (0, 1) and ()."),
        (
            lambda: NuclearNorm((3, 4)).prox(torch.ones(3, 4), torch.ones(3, 4)),
            "NuclearNorm has a closed-form prox for one step per item only, a number or a tensor of shape (); got "
            "(3, 4).",
        ),
        (
            lambda: TubalNuclearNorm((3, 4)),
            "TubalNuclearNorm expects items of three dimensions, got shape (3, 4).",
        ),
        (lambda: TubalNuclearNorm((3, 4, 2), 3), "TubalNuclearNorm expects tube to be an axis from -3 to 2, got 3."),
        (
            lambda: tubal_product(torch.ones(2, 3, 4), torch.ones(2, 3, 4)),
            "tubal_product expects tensors (..., m, k, n) and (..., k, l, n), got (2, 3, 4), (2, 3, 4).",
        ),
    ],
)
def test_what_is_refused(call: object, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == sentence
