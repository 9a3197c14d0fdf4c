"""Stein's unbiased risk estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import item_dot, item_norm
from recon.solvers.problem import Problem
from recon.solvers.tuning.criterion import Criterion, host
from recon.solvers.tuning.freedom import EPSILON, freedom, require_gaussian, spectrum
from recon.solvers.tuning.trials import Trials, wide


@dataclass(frozen=True, kw_only=True)
class SURE(Criterion):
    """The λ of least estimated risk, for Gaussian noise of known σ.

    Of the predicted data, E‖A x_λ − A x‖²/σ² is the mean of

        ‖(A x_λ − y)/σ‖² − m + 2 df,   df = tr ∂(A x_λ)/∂y,

    with df as in :class:`GCV`. With ``projected``, of the image itself as far as A sees it: for P = A⁺A and x̂ = A⁺y,
    E‖P x_λ − P x‖² is, up to a constant, the mean of

        ‖P x_λ‖² − 2 Re⟨x_λ, x̂⟩ + 2σ² tr ∂x_λ/∂y (A⁺)ᴴ.

    Parameters
    ----------
    projected
        Which of the two; the second needs an operator with a pseudo-inverse in closed form.
    probes, seed
        As of :class:`GCV`.

    Errors: CapabilityError for other noise, nonlinear operators, or a projection without pseudo-inverse.

    Sources: Stein, Ann. Stat. 9 (1981) 1135; Ramani, Blu and Unser, IEEE Trans. Image Process. 17 (2008) 1540; Eldar,
    IEEE Trans. Signal Process. 57 (2009) 471, eq. 26, for the projected risk.
    """

    name: ClassVar[str] = "sure"

    projected: bool = False
    probes: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.probes < 1:
            raise ValueError(f"SURE expects probes >= 1, got {self.probes!r}.")

    def require(self, problem: Problem) -> None:
        require_gaussian(problem, "SURE")
        if not self.projected:
            return
        if getattr(problem.likelihood, "elements", None) is not None:
            raise CapabilityError("SURE with projected=True needs one sigma per item, got one per measurement.")
        if "pinv" not in problem.linear.capabilities:
            raise CapabilityError(
                f"SURE with projected=True needs an operator with pinv, and {problem.linear.name} has none; use "
                "projected=False."
            )

    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        if self.projected:
            return self._projected(trials, items, lam)
        images, df = freedom(trials, items, lam, self.probes, self.seed)
        misfit = trials.misfit(items, images).double().cpu()
        return {"misfit": misfit, "freedom": df, "sure": misfit - trials.counts[items] + 2 * df}

    def _projected(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        A, n = trials.problem.linear, len(trials.problem.shape)
        data = trials.problem.data[items]
        images, trace = self._image_trace(trials, A, items, lam)
        seen = item_norm(A.pinv(A(images)), n).square() - 2 * item_dot(images, A.pinv(data), n)
        sigma = trials.sigma()
        assert sigma is not None
        variance = sigma[items] ** 2
        misfit = trials.misfit(items, images).double().cpu()
        return {"misfit": misfit, "freedom": trace, "sure": seen.double().cpu() + 2 * variance * trace}

    def _image_trace(self, trials: Trials, A: LinearOperator, items: Tensor, lam: Tensor) -> tuple[Tensor, Tensor]:
        """x_λ and tr ∂x_λ/∂y (A⁺)ᴴ = tr P ∂x_λ/∂(Aᴴy)."""
        known = spectrum(trials, items, lam)
        if known is not None:
            s2, noise = known
            copies = 2 if trials.problem.data.is_complex() else 1
            return trials.solve(items, lam), copies * torch.where(s2 > 0, 1 / (s2 + noise), 0).sum(-1)
        data, n = trials.problem.data[items], len(trials.problem.shape)
        size = A.norm_bound(data)
        sigma = trials.sigma()
        assert sigma is not None
        step = EPSILON * sigma[items] * (size if size > 0 else 1.0)
        total, images = torch.zeros(len(items), dtype=torch.float64), None
        for number in range(self.probes):
            b = trials.probe(number, self.seed, trials.problem.shape)
            b = b.real if b.is_complex() and not trials.problem.dtype.is_complex else b
            move = _pinv_adjoint(A, b)
            first, second = trials.solve_with(items, lam, data + wide(step, data) * move)
            images = first if images is None else images
            change = second - first
            total = total + (item_dot(b.expand_as(change), change, n) / step.to(change.real)).double().cpu()
        assert images is not None
        return images, total / self.probes

    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        return host(measured["sure"])

    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        if self.projected:
            return f"the estimated error of what A sees of the image is least there ({last['sure']:.5g} + const)"
        return f"the estimated error ‖A(x_λ − x)/σ‖² is least there, {last['sure']:.5g}"


def _pinv_adjoint(A: LinearOperator, b: Tensor) -> Tensor:
    """(A⁺)ᴴ b = A (AᴴA)⁺ b, by normal_pinv or else as the derivative of pinv."""
    if "normal_pinv" in A.capabilities:
        return A(A.normal_pinv(b))
    y = torch.zeros(A.range_shape, dtype=A(b).dtype, device=b.device, requires_grad=True)
    with torch.enable_grad():
        x = A.pinv(y)
    (found,) = torch.autograd.grad(x, y, b)
    return found
