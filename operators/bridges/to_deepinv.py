"""Operators, handed to deepinv."""

from __future__ import annotations

from typing import Any, Literal

from recon.operators.bridges.channels import Channels, Convention, convention
from recon.operators.bridges.held_physics import same
from recon.operators.linear import LinearOperator
from recon.operators.operator import Field, Operator


def to_deepinv(
    operator: Operator,
    *,
    channels: Literal["own", "single", "complex"] | None = None,
    noise_model: Any = None,
) -> Any:
    """An operator as a deepinv physics: a LinearPhysics for a LinearOperator, else a Physics.

    The physics has A, A_adjoint, A_vjp, prox_l2, A_dagger and compute_sqnorm on ``(B, C, *pixels)``, and works inside
    deepinv's optimisers, unfolded networks and samplers.

    Parameters
    ----------
    operator
        The operator.
    channels
        ``"own"``: the first axis of an item is C. ``"single"``: items have no channel axis, and deepinv sees C = 1.
        ``"complex"``: items are complex and have none, and deepinv sees C = 2, real and imaginary part, as in its MRI.
        By default ``"complex"`` for operators on complex images, else ``"single"`` for images of two dimensions, else
        ``"own"``. Complex measurements of real images become two channels in any case.
    noise_model
        deepinv's noise model, used by ``physics(x)``; none by default.

    Errors: TypeError for anything but an operator; ValueError where an operator on real images is called complex.
    """
    if not isinstance(operator, Operator):
        raise TypeError(f"to_deepinv expects an operator of recon.operators, got {type(operator).__name__}.")
    if channels is None and operator.domain_field == "complex":
        kind: Convention = "complex"
    else:
        kind = convention(channels, operator.domain_shape, "to_deepinv")
    if kind == "complex" and operator.domain_field == "real":
        raise ValueError(f"to_deepinv got channels='complex' for {operator.name}, which takes real images.")
    from recon.operators.bridges.deepinv_physics import LinearOperatorPhysics, OperatorPhysics

    domain = Channels(kind, operator.domain_shape)
    range_ = Channels(_range_kind(operator.domain_field, operator.range_field, kind), operator.range_shape)
    if isinstance(operator, LinearOperator):
        return LinearOperatorPhysics(operator, domain, range_, noise_model or _no_noise())
    return OperatorPhysics(operator, domain, range_, noise_model or _no_noise())


def _range_kind(domain: Field, range_: Field, kind: Convention) -> Convention:
    if kind == "complex":
        return "single" if range_ == "real" else "complex"
    return "complex" if range_ == "complex" and domain != "complex" else kind


def _no_noise() -> Any:
    from deepinv.physics.noise import ZeroNoise

    noise = ZeroNoise()
    noise.noise_model = same  # in place of an anonymous function, which does not pickle
    return noise
