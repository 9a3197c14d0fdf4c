"""deepinv's physics, taken in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from recon.operators.bridges.adjoint_error import adjoint_error, refuse_wrong_adjoint
from recon.operators.bridges.channels import Channels, Parts, convention
from recon.operators.bridges.deepinv_linear import DeepinvLinearOperator, linear_physics
from recon.operators.bridges.deepinv_operator import DeepinvOperator
from recon.operators.bridges.held_physics import HeldPhysics
from recon.operators.operator import Field, Operator


def from_deepinv(
    physics: Any,
    domain_shape: Sequence[int],
    *,
    channels: Literal["own", "single", "complex"] | None = None,
    field: Literal["real", "complex"] = "real",
    adjoint: Literal["physics", "autograd"] = "physics",
    tolerance: float = 1e-4,
) -> Operator:
    """A deepinv physics as an operator: a LinearOperator for a LinearPhysics, else an Operator.

    The operator holds a copy of the physics as it is now, without its noise model; use
    :class:`recon.operators.GaussianNoise` and others for that. Items of a batch become deepinv's first dimension.
    Measurements that are a TensorList become one vector per item. Gradients flow to images, not to parameters of the
    physics. Precision follows the images; a physics that computes in single precision only, as deepinv's Tomography,
    does so here, and its result is given in the precision of the images.

    Parameters
    ----------
    physics
        A ``deepinv.physics.Physics``.
    domain_shape
        Shape of one image here.
    channels
        ``"own"``: images are (C, *pixels), as deepinv has them. ``"single"``: images are (*pixels), and deepinv sees
        one channel; measurements with one channel lose it too. ``"complex"``: images are complex (*pixels), and deepinv
        sees two channels, real and imaginary part, as in its MRI; measurements with two channels become complex too.
        By default ``"single"`` for images of two dimensions and ``"own"`` for others.
    field
        Whether the physics itself takes real or complex tensors.
    adjoint
        ``"physics"`` uses its A_adjoint, ``"autograd"`` the derivative of A, for physics whose A_adjoint is not exact.
    tolerance
        Largest |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖Ax‖‖y‖) accepted of the adjoint, which is measured in single precision.

    Errors: TypeError for anything but a physics; ValueError where the adjoint is none.
    """
    from deepinv.physics import Physics

    if not isinstance(physics, Physics):
        raise TypeError(f"from_deepinv expects a deepinv.physics.Physics, got {type(physics).__name__}.")
    if adjoint not in ("physics", "autograd"):
        raise ValueError(f"from_deepinv expects adjoint 'physics' or 'autograd', got {adjoint!r}.")
    if field not in ("real", "complex"):
        raise ValueError(f"from_deepinv expects field 'real' or 'complex', got {field!r}.")
    shape = tuple(int(n) for n in domain_shape)
    domain = Channels(convention(channels, shape, "from_deepinv"), shape)
    held = HeldPhysics(physics)
    like = held.like()
    probe = torch.zeros((1, *domain.item), device=like.device)
    measured = held.physics.A(probe.to(torch.complex64) if field == "complex" else probe)
    range_, real = _measurements(measured, domain)
    fields: tuple[Field, Field] = ("complex" if domain.kind == "complex" else field, "real" if real else "complex")
    if not linear_physics(physics):
        nonlinear = DeepinvOperator(held, domain, range_, *fields)
        held.single = not _follows(lambda: nonlinear(_ones(nonlinear, like.double())))
        return nonlinear
    op = DeepinvLinearOperator(held, domain, range_, *fields, adjoint)
    held.single = not _follows(lambda: adjoint_error(op, like.double()) < 1e-10)
    op.find_closed_form()
    op.adjoint_error = adjoint_error(op, like)
    refuse_wrong_adjoint(
        op.adjoint_error, tolerance, op.name, "pass adjoint='autograd', or a larger tolerance to use it as it is"
    )
    return op


def _follows(attempt: Callable[[], Any]) -> bool:
    """Whether a computation in double precision runs, and ends in nothing false."""
    try:
        return attempt() is not False
    except (RuntimeError, TypeError, ValueError):
        return False


def _ones(op: Operator, like: Tensor) -> Tensor:
    dtype = like.dtype.to_complex() if op.domain_field == "complex" else like.dtype
    return torch.ones((2, *op.domain_shape), dtype=dtype, device=like.device)


def _measurements(y: Any, domain: Channels) -> tuple[Channels | Parts, bool]:
    """The layout of measurements, and whether they are real here."""
    if not isinstance(y, torch.Tensor):
        return Parts(tuple(tuple(part.shape[1:]) for part in y)), not any(part.is_complex() for part in y)
    shape = tuple(y.shape[1:])
    if domain.kind == "complex" and shape[:1] == (2,) and not y.is_complex():
        return Channels("complex", shape[1:]), False
    if domain.kind == "single" and shape[:1] == (1,) and len(shape) > 1:
        return Channels("single", shape[1:]), not y.is_complex()
    return Channels("own", shape), not y.is_complex()
