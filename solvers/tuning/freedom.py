"""Effective degrees of freedom of a reconstruction."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.noise import GaussianNoise
from recon.operators.tensors import item_dot
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.solvers.problem import Problem
from recon.solvers.tuning.trials import Trials

EPSILON = 0.1
"""Size of perturbations in units of σ: large against the error of a solve, small against the noise."""


def is_gaussian(problem: Problem) -> bool:
    """Whether A is linear and the noise white and Gaussian, of one σ or one per measurement."""
    white = isinstance(problem.noise, GaussianNoise) and isinstance(problem.likelihood, SquaredL2)
    return white and isinstance(problem.operator, LinearOperator)


def require_gaussian(problem: Problem, who: str) -> None:
    """Refuse noise other than white Gaussian noise of known σ."""
    if not (isinstance(problem.noise, GaussianNoise) and isinstance(problem.likelihood, SquaredL2)):
        got = "a fidelity without one" if problem.noise is None else type(problem.noise).__name__
        raise CapabilityError(f"{who} needs Gaussian noise with its sigma, got {got}.")
    if not isinstance(problem.operator, LinearOperator):
        raise CapabilityError(f"{who} needs a linear operator; {problem.operator.name} is nonlinear.")


def freedom(trials: Trials, items: Tensor, lam: Tensor, probes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Solutions x_λ(y) of some items, and df = tr ∂(A x_λ)/∂y per item.

    Exact for λ‖x − c‖²/2 and an A with a singular value decomposition, df = Σ s²/(s² + λσ²). Otherwise

        df ≈ mean over probes of Re⟨b, A x_λ(y + εb) − A x_λ(y)⟩/ε,   ε = 0.1σ,

    with random signs b, the same for every λ and item (and element by element where σ is).

    Source: Ramani, Blu and Unser, IEEE Trans. Image Process. 17 (2008) 1540.
    """
    shrinkage = exact_filter(trials, items, lam)
    if shrinkage is not None:
        copies = 2 if trials.problem.data.is_complex() else 1
        return trials.solve(items, lam), copies * shrinkage.sum(-1)
    A, total = trials.problem.operator, torch.zeros(len(items), dtype=torch.float64)
    data, steps = trials.problem.data[items], EPSILON * trials.deviations[items.to(trials.deviations.device)]
    scales = torch.where(steps > 0, 1 / torch.where(steps > 0, steps, 1), 0)
    images = None
    for number in range(probes):
        b = trials.probe(number, seed, A.range_shape)
        first, second = trials.solve_with(items, lam, data + steps * b)
        images = first if images is None else images
        total = total + item_dot(scales * b, A(second) - A(first), trials.ndim).double().cpu()
    assert images is not None
    return images, total / probes


def exact_filter(trials: Trials, items: Tensor, lam: Tensor) -> Tensor | None:
    """s²/(s² + λσ²), ``(items, singular values)``; None where it is not known."""
    known = spectrum(trials, items, lam)
    return None if known is None else known[0] / (known[0] + known[1])


def spectrum(trials: Trials, items: Tensor, lam: Tensor) -> tuple[Tensor, Tensor] | None:
    """s² and λσ², where A has a singular value decomposition and the prior is Tikhonov's of the image itself."""
    A, prior = trials.problem.operator, trials.problem.prior
    sigma = trials.sigma()
    if not isinstance(A, LinearOperator) or "svd" not in A.capabilities or sigma is None:
        return None
    if type(prior) is not Tikhonov or prior.operator is not None:
        return None
    return A.svd().s.double().cpu().flatten().square()[None], (lam.double() * sigma[items] ** 2)[:, None]
