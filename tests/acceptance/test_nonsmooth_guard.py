"""Nonsmooth terms where gradients are asked for: refused by name, where a constant-step subgradient would go astray."""

from __future__ import annotations

import re

import pytest
import torch

from recon.operators import L1, Blur, CapabilityError, Functional, GroupL1, L1Fidelity, NuclearNorm, gaussian_psf
from recon.priors import TGV, Sparsity, Tikhonov, TotalVariation, VariationalPrior, WaveletSparsity
from recon.solvers import (
    CGLS,
    FISTA,
    LBFGS,
    LSMR,
    LSQR,
    SIRT,
    MaxIter,
    NonlinearCG,
    Problem,
    ProximalGradient,
    Solver,
    TikhonovInverse,
    Wiener,
)

A = Blur(gaussian_psf(1.0), (16, 16), boundary="circular")
DATA = A(torch.rand(16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
KINKED = [Sparsity(0.5), WaveletSparsity(0.5), TotalVariation(0.5), TGV(0.5), Tikhonov(0.1) + Sparsity(0.5)]


@pytest.mark.parametrize("solver", [LBFGS(), NonlinearCG()], ids=lambda s: s.name)
@pytest.mark.parametrize("prior", KINKED, ids=lambda p: p.name)
def test_gradient_methods_refuse_terms_with_kinks(solver: Solver, prior: VariationalPrior) -> None:
    with pytest.raises(CapabilityError, match=rf"^{solver.name} takes .*of {re.escape(prior.name)} has no gradient"):
        solver.solve(Problem(A, DATA, prior=prior))


@pytest.mark.parametrize("solver", [LBFGS(), NonlinearCG()], ids=lambda s: s.name)
def test_gradient_methods_refuse_data_terms_with_kinks(solver: Solver) -> None:
    with pytest.raises(CapabilityError, match=rf"^{solver.name} .*gradient; L1 has none"):
        solver.solve(Problem(A, DATA, fidelity=L1Fidelity(1.0)))


@pytest.mark.parametrize("solver", [CGLS(), LSQR(), LSMR(), SIRT(), TikhonovInverse(), Wiener()], ids=lambda s: s.name)
def test_linear_methods_refuse_them(solver: Solver) -> None:
    with pytest.raises((CapabilityError, TypeError), match=rf"^{solver.name} .*got (Sparsity|L1)"):
        solver.solve(Problem(A, DATA, prior=Sparsity(0.5)))


@pytest.mark.parametrize("f", [L1((4,)), GroupL1((2, 4)), NuclearNorm((3, 3))], ids=lambda f: f.name)
def test_functionals_with_kinks_have_no_gradient(f: Functional) -> None:
    with pytest.raises(CapabilityError, match=f"^{f.name} has no gradient"):
        f.grad(torch.ones(f.domain_shape))


def test_proximal_methods_give_zeros_where_subgradients_grow_with_lam() -> None:
    """Above λ = ‖Aᴴy‖∞ the solution is zero; x ← x − τ(∇f(x) + λ sign x) swings with an amplitude of about τλ."""
    least = float(A.adjoint(DATA).abs().max())
    norms = []
    for lam in (1.1 * least, 11 * least, 110 * least):
        problem = Problem(A, DATA, prior=Sparsity(lam))
        for solver in (ProximalGradient(stop=MaxIter(20)), FISTA(stop=MaxIter(20))):
            assert float(solver.solve(problem).image.abs().max()) == 0.0
        x = torch.zeros_like(DATA)
        for _ in range(201):
            x = x - 0.5 * (A.adjoint(A(x) - DATA) + lam * x.sign())
        norms.append(float(x.norm()))
    assert norms[2] > 5 * norms[1] > 25 * norms[0]
