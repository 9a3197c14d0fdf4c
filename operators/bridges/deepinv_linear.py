"""A linear deepinv physics as a linear operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from recon.operators.bridges.channels import Channels, Parts
from recon.operators.bridges.held_physics import HeldPhysics
from recon.operators.linear import LinearOperator
from recon.operators.operator import Field
from recon.operators.tensors import item_norm, matching_dtype, per_item


class DeepinvLinearOperator(LinearOperator):
    """x ↦ physics.A(x) without noise, for a linear deepinv physics; made by :func:`from_deepinv`.

    ``solve_normal`` is declared where the physics has a closed-form ``prox_l2`` (deepinv's DecomposablePhysics) that
    was found to solve its equation.

    Attributes
    ----------
    adjoint_error
        |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖Ax‖‖y‖) as measured when the operator was made.
    """

    def __init__(
        self,
        held: HeldPhysics,
        domain: Channels,
        range_: Channels | Parts,
        domain_field: Field,
        range_field: Field,
        adjoint: Literal["physics", "autograd"],
    ) -> None:
        super().__init__(domain.shape, range_.shape)
        self.held, self.domain, self.range, self.adjoint_by = held, domain, range_, adjoint
        self.domain_field, self.range_field = domain_field, range_field
        self.adjoint_error = float("nan")
        self._closed_form = False

    def apply(self, x: Tensor) -> Tensor:
        work = self.held.working(x)
        out = self.range.leave(self.held.at(work).A(self.domain.enter(work)), self.batch_shape(x))
        return out.to(matching_dtype(out, x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        work = self.held.working(y)
        out = self._back(work)
        return out.to(matching_dtype(out, y))

    def _back(self, y: Tensor) -> Tensor:
        physics, batch = self.held.at(y), y.shape[: y.ndim - len(self.range_shape)]
        if self.adjoint_by == "physics":
            out = physics.A_adjoint(self.range.enter(y))
        else:
            dtype = y.real.dtype if y.is_complex() else y.dtype
            if self.domain_field == "complex" and self.domain.kind != "complex":
                dtype = dtype.to_complex()
            # Some physics keep what A computes, so that tensors of torch.func's transforms must not reach them.
            with torch.enable_grad():
                x = torch.zeros((batch.numel(), *self.domain.item), dtype=dtype, device=y.device, requires_grad=True)
                (out,) = torch.autograd.grad(self.range.leave(physics.A(x), batch), x, y)
        out = out.real if out.is_complex() and self.domain_field == "real" else out
        return self.domain.leave(out, batch)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal"}) if self._closed_form else frozenset()

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        if not self._closed_form:
            return super().solve_normal(b, rho)
        if b.numel() == 0:
            return b.clone()
        # prox_l2(z, 0, γ) = (γAᴴA + I)⁻¹ z, and solve_normal(b, ρ) is that of b/ρ with γ = 1/ρ.
        rho = torch.as_tensor(rho, dtype=b.real.dtype if b.is_complex() else b.dtype, device=b.device)
        z = self.domain.enter(b / per_item(rho, b, len(self.domain_shape)))
        gamma = (1 / rho).expand(self.batch_shape(b)).reshape(-1, *(1,) * len(self.domain.item))
        y = self.range.enter(b.new_zeros((*self.batch_shape(b), *self.range_shape), dtype=self._measured_dtype(b)))
        return self.domain.leave(self.held.at(b).prox_l2(z, y, gamma), self.batch_shape(b))

    def _measured_dtype(self, x: Tensor) -> torch.dtype:
        real = x.real.dtype if x.is_complex() else x.dtype
        return real.to_complex() if self.range_field == "complex" else real

    def find_closed_form(self) -> None:
        """Declare ``solve_normal`` if the physics has a closed-form prox_l2 that solves its equation."""
        from deepinv.physics import DecomposablePhysics

        self._closed_form = isinstance(self.held.physics, DecomposablePhysics) and not self.held.single
        self._closed_form = self._closed_form and self._solves()

    def _solves(self) -> bool:
        like = self.held.like().double()
        generator = torch.Generator().manual_seed(1)
        dtype = torch.complex128 if self.domain_field == "complex" else torch.float64
        b = torch.randn((2, *self.domain_shape), generator=generator, dtype=dtype).to(like.device)
        rho = torch.tensor([0.3, 2.0], dtype=torch.float64, device=like.device)
        try:
            x = self.solve_normal(b, rho)
            left = self.normal(x) + per_item(rho, x, len(self.domain_shape)) * x
        except (RuntimeError, TypeError, ValueError):
            return False
        error = item_norm(left - b, len(self.domain_shape)) / item_norm(b, len(self.domain_shape))
        return bool((error < 1e-10).all())

    @property
    def name(self) -> str:
        return type(self.held.physics).__name__

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        import deepinv.physics as physics

        from recon.operators.bridges.from_deepinv import from_deepinv

        generator = torch.Generator().manual_seed(0)
        kernel = torch.rand((1, 1, 3, 2), generator=generator)
        mask = (torch.rand((6, 7), generator=generator) > 0.4).float()
        coils = torch.randn((1, 2, 6, 7), generator=generator, dtype=torch.complex64)
        shrink = physics.Downsampling((1, 6, 8), filter="bilinear", factor=2, padding="valid")
        modes: list[tuple[Any, tuple[int, ...], dict[str, Any]]] = [
            (physics.Blur(filter=kernel, padding="valid"), (6, 7), {}),
            (physics.BlurFFT(img_size=(3, 6, 7), filter=kernel), (3, 6, 7), {}),
            (physics.Inpainting((2, 6, 7), mask=mask), (2, 6, 7), {}),
            (physics.MRI(mask=mask), (6, 7), {"channels": "complex"}),
            (physics.MultiCoilMRI(mask=mask, coil_maps=coils), (6, 7), {"channels": "complex"}),
            (shrink.stack(physics.Blur(filter=kernel)), (6, 8), {"adjoint": "autograd"}),
        ]
        for model, shape, options in modes:
            op = from_deepinv(model, shape, **options)
            assert isinstance(op, LinearOperator)
            yield op


def linear_physics(physics: Any) -> bool:
    """Whether a physics is one of deepinv's linear ones."""
    from deepinv.physics import LinearPhysics

    return isinstance(physics, LinearPhysics)
