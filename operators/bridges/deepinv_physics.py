"""Operators as deepinv physics. This module needs deepinv; :func:`to_deepinv` imports it when called."""

from __future__ import annotations

from typing import Any

import torch
from deepinv.physics import LinearPhysics, Physics
from torch import Tensor

from recon.operators.bridges.channels import Channels
from recon.operators.bridges.held_physics import same
from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator


class OperatorPhysics(Physics):  # type: ignore[misc]
    """A nonlinear operator as a physics: A(x), and A_vjp(x, v) by the operator's own vjp."""

    def __init__(self, operator: Operator, domain: Channels, range_: Channels, noise_model: Any) -> None:
        super().__init__(A=same, sensor_model=same, noise_model=noise_model)
        self.operator, self.domain, self.range, self.img_size = operator, domain, range_, domain.item

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        return self.range.enter(self.operator(self.domain.leave(x, x.shape[:1])))

    def A_vjp(self, x: Tensor, v: Tensor) -> Tensor:
        point, cotangent = self.domain.leave(x, x.shape[:1]), self.range.leave(v, v.shape[:1])
        return self.domain.enter(self.operator.vjp(point, cotangent))


class LinearOperatorPhysics(LinearPhysics):  # type: ignore[misc]
    """A linear operator as a physics.

    ``prox_l2`` and ``A_dagger`` are the operator's closed forms where it declares them, else deepinv's iterations;
    ``compute_sqnorm`` is the square of the operator's norm. The operator is fixed: keyword arguments by which deepinv
    passes noise levels, or parameters to the other physics of a composition, are accepted and do not change it.
    """

    def __init__(self, operator: LinearOperator, domain: Channels, range_: Channels, noise_model: Any) -> None:
        super().__init__(A=same, sensor_model=same, noise_model=noise_model, img_size=domain.item)
        self.operator, self.domain, self.range = operator, domain, range_

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        return self.range.enter(self.operator(self.domain.leave(x, x.shape[:1])))

    def A_adjoint(self, y: Tensor, **kwargs: Any) -> Tensor:
        return self.domain.enter(self.operator.adjoint(self.range.leave(y, y.shape[:1])))

    def A_adjoint_A(self, x: Tensor, **kwargs: Any) -> Tensor:
        return self.domain.enter(self.operator.normal(self.domain.leave(x, x.shape[:1])))

    def prox_l2(self, z: Any, y: Tensor, gamma: float | Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """argmin_x γ/2 ‖Ax − y‖² + ½ ‖x − z‖² = (AᴴA + I/γ)⁻¹ (Aᴴy + z/γ)."""
        if "solve_normal" not in self.operator.capabilities:
            out: Tensor = super().prox_l2(z, y, gamma, *args, **kwargs)
            return out
        back = self.A_adjoint(y)
        if isinstance(gamma, Tensor) and gamma.ndim:
            gamma = gamma.reshape(-1, *(1,) * (back.ndim - 1)).to(back)
        b = back if z is None else back + z / gamma
        rho = 1 / gamma.expand(len(back), *(1,) * (back.ndim - 1)).flatten() if isinstance(gamma, Tensor) else 1 / gamma
        return self.domain.enter(self.operator.solve_normal(self.domain.leave(b, b.shape[:1]), rho))

    def A_dagger(self, y: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The least-squares solution of least norm."""
        if "pinv" not in self.operator.capabilities:
            out: Tensor = super().A_dagger(y, *args, **kwargs)
            return out
        return self.domain.enter(self.operator.pinv(self.range.leave(y, y.shape[:1])))

    def compute_sqnorm(self, x0: Tensor, *, tol: float = 1e-3, **kwargs: Any) -> Tensor:
        """‖A‖², to a relative accuracy of ``tol``."""
        norm = self.operator.norm(max(float(tol), 1e-6), like=x0)
        return torch.as_tensor(norm**2, dtype=x0.real.dtype if x0.is_complex() else x0.dtype, device=x0.device)
