"""How far a foreign operator's adjoint is from being one."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_dot


def adjoint_error(op: LinearOperator, like: Tensor) -> float:
    """The largest |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖Ax‖‖y‖) over y = Ax and over normal and positive x and y.

    ``like`` gives the device and precision to compute in.
    """
    generator = torch.Generator().manual_seed(0)
    errors = []
    for draw in (torch.randn, torch.rand):
        complex_ = op.domain_field == "complex"
        real = like.real.dtype if like.is_complex() else like.dtype
        x = draw(op.domain_shape, generator=generator, dtype=real.to_complex() if complex_ else real).to(like.device)
        image = op(x)
        for y in (image, draw(op.range_shape, generator=generator, dtype=image.dtype).to(like.device)):
            back = op.adjoint(y)
            left, right = item_dot(image, y, image.ndim), item_dot(x, back, x.ndim)
            size = float(torch.linalg.vector_norm(image) * torch.linalg.vector_norm(y))
            error = float((left - right).abs()) / max(size, 1e-30)
            errors.append(error)
    return float(torch.tensor(errors).max())  # NaN if one is


def refuse_wrong_adjoint(error: float, tolerance: float, name: str, advice: str) -> None:
    """Raise ValueError where the error of an adjoint exceeds what is tolerated."""
    if not error <= tolerance:
        raise ValueError(
            f"the adjoint of {name} is not its adjoint: |⟨Ax, y⟩ − ⟨x, A*y⟩| is {error:.2g} of ‖Ax‖‖y‖, "
            f"more than the tolerance {tolerance:.2g}; {advice}."
        )
