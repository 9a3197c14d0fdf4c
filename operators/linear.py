"""Linear operators: a pair of exactly transposed maps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recon.operators.operator import Field, Operator, Shape


class CapabilityError(TypeError):
    """An operator, prior or solver was asked for something it does not declare."""


class SVD(NamedTuple):
    """A = U diag(s) Vᴴ with Vᴴ: domain -> coefficients and U: coefficients -> range, both as functions.

    ``s`` has one entry per coefficient, nonnegative and in no particular order; UᴴU and VᴴV are the
    identity on coefficients whose s is positive.
    """

    U: LinearOperator
    s: Tensor
    V: LinearOperator


class LinearOperator(Operator):
    """A linear map A with its exact adjoint, ⟨A x, y⟩ = ⟨x, Aᴴ y⟩.

    A subclass implements two methods, :meth:`apply` and :meth:`apply_adjoint`, on tensors of shape
    ``(*batch, *shape)``. Gradients of any order, forward mode and ``vmap`` follow from the pair:
    the adjoint *is* the backward, so neither method needs to be differentiable.

    Capabilities beyond these are listed in :attr:`capabilities` and are exact:

    * ``"solve_normal"``: :meth:`solve_normal`, a closed form of (AᴴA + ρI)⁻¹b;
    * ``"pinv"``: :meth:`pinv`, the Moore-Penrose pseudo-inverse;
    * ``"normal_pinv"``: :meth:`normal_pinv`, (AᴴA)⁺b;
    * ``"svd"``: :meth:`svd`.

    Half-precision input is computed in float32 and rounded once at the end (see :meth:`takes_half`).
    """

    @abstractmethod
    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Evaluate Aᴴy for a y whose shape and field have been checked."""

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate A x, ``(*batch, *domain_shape)`` to ``(*batch, *range_shape)``."""
        self.check(x, self.domain_shape, self.domain_field)
        return _Apply.apply(x, self, False)  # type: ignore[no-any-return]

    def adjoint(self, y: Tensor) -> Tensor:
        """Evaluate Aᴴ y, ``(*batch, *range_shape)`` to ``(*batch, *domain_shape)``."""
        self.check(y, self.range_shape, self.range_field)
        return _Apply.apply(y, self, True)  # type: ignore[no-any-return]

    def normal(self, x: Tensor) -> Tensor:
        """Evaluate AᴴA x."""
        return self.adjoint(self(x))

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        """Directional derivative, A v at every x."""
        self.check(x, self.domain_shape, self.domain_field)
        return self(v)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        """Adjoint derivative, Aᴴw at every x."""
        self.check(x, self.domain_shape, self.domain_field)
        return self.adjoint(w)

    def takes_half(self, x: Tensor) -> bool:
        """Whether :meth:`apply` and :meth:`apply_adjoint` take float16 and bfloat16 tensors such as ``x`` as they are.

        They then sum in float32 and round once themselves; else they get float32.
        """
        return False

    # ---------------------------------------------------------------- norm

    def known_norm(self) -> float | None:
        """The exact operator norm ‖A‖₂ where a closed form exists, else None."""
        return None

    def norm(self, rtol: float = 1e-2, like: Tensor | None = None) -> float:
        """Operator norm ‖A‖₂, exact where known, else by Lanczos iteration on AᴴA.

        The estimate is a Ritz value: it never exceeds ‖A‖ (up to rounding), and iteration goes on
        until its residual is below ``rtol``·‖A‖², so that a singular value σ with
        |σ² − norm²| ≤ rtol·norm² exists. The start vector is fixed: the same number every time.
        ``like`` gives the device and precision to work in (float32 on the CPU by default). The value is kept and serves
        later calls that ask for no better accuracy.

        Errors: RuntimeError when 200 iterations do not reach ``rtol``.
        """
        known = self.known_norm()
        if known is not None:
            return known
        device = "cpu" if like is None else like.device.type
        kept: dict[str, tuple[float, float]] = self.__dict__.setdefault("_norms", {})  # kernels differ between devices
        if device not in kept or kept[device][1] > rtol:
            from recon.operators.spectrum import lanczos_norm

            kept[device] = (lanczos_norm(self, rtol, like), rtol)
        return kept[device][0]

    def norm_bound(self, like: Tensor | None = None) -> float:
        """An upper bound on ‖A‖₂ for step sizes: exact, or the 1 % estimate enlarged by 1 %."""
        known = self.known_norm()
        return known if known is not None else 1.01 * self.norm(1e-2, like)

    # ---------------------------------------------------------------- declared capabilities

    @property
    def capabilities(self) -> frozenset[str]:
        """Names of the closed forms that this instance offers."""
        return frozenset()

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        """Closed-form solution x of (AᴴA + ρI) x = b; ρ > 0 is a number or one value per batch item."""
        raise self._lacks("solve_normal", "use recon.solvers.cg on A.normal(x) + rho * x instead")

    def pinv(self, y: Tensor) -> Tensor:
        """Moore-Penrose pseudo-inverse A⁺y: the least-squares solution of least norm."""
        raise self._lacks("pinv", "use recon.solvers.cg on the normal equations instead")

    def normal_pinv(self, b: Tensor) -> Tensor:
        """(AᴴA)⁺ b, the pseudo-inverse of the normal operator."""
        raise self._lacks("normal_pinv", "use recon.solvers.cg on A.normal instead")

    def svd(self) -> SVD:
        """Singular value decomposition as operators and a tensor of singular values."""
        raise self._lacks("svd", "it is available for diagonal, circulant and orthogonal operators")

    def _lacks(self, capability: str, advice: str) -> CapabilityError:
        return CapabilityError(f"{self.name} has no closed-form {capability}; {advice}.")

    # ---------------------------------------------------------------- algebra

    @property
    def H(self) -> LinearOperator:
        """The adjoint as an operator."""
        from recon.operators.algebra import Adjoint

        return Adjoint(self)

    def __add__(self, other: LinearOperator) -> LinearOperator:
        from recon.operators.algebra import Sum

        return Sum(self, other)

    def __sub__(self, other: LinearOperator) -> LinearOperator:
        return self + (-1) * other

    def __neg__(self) -> LinearOperator:
        return (-1) * self

    def __mul__(self, factor: complex) -> LinearOperator:
        from recon.operators.algebra import Scaled

        return Scaled(self, factor)

    __rmul__ = __mul__

    @classmethod
    def from_functions(
        cls,
        forward: Callable[[Tensor], Tensor],
        adjoint: Callable[[Tensor], Tensor],
        domain_shape: Sequence[int],
        range_shape: Sequence[int],
        *,
        domain_field: Field = "any",
        range_field: Field = "any",
        norm: float | None = None,
    ) -> LinearOperator:
        """An operator made of two functions on tensors ``(*batch, *shape)``; ``norm`` if ‖A‖ is known."""
        from recon.operators.from_functions import FromFunctions

        return FromFunctions(forward, adjoint, domain_shape, range_shape, domain_field, range_field, norm)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        """Small instances that together cover every mode of the class."""
        yield cls()  # type: ignore[call-arg]


class _Apply(torch.autograd.Function):
    """Runs an operator or its adjoint; each is the other's derivative, to any order."""

    @staticmethod
    def forward(x: Tensor, op: LinearOperator, adjoint: bool) -> Tensor:
        shape_in, shape_out = op.domain_shape, op.range_shape
        if adjoint:
            shape_in, shape_out = shape_out, shape_in
        batch: Shape = tuple(x.shape[: x.ndim - len(shape_in)])
        half = x.dtype in (torch.float16, torch.bfloat16, torch.complex32) and (x.is_complex() or not op.takes_half(x))
        work = x.to(torch.complex64 if x.is_complex() else torch.float32) if half else x
        if work.numel() == 0:  # an empty batch: run one zero item to learn the output's dtype
            work = work.new_zeros(shape_in)
        out = op.apply_adjoint(work) if adjoint else op.apply(work)
        if x.numel() == 0:
            out = out.new_zeros((*batch, *shape_out))
        elif tuple(out.shape) != (*batch, *shape_out):
            method = "apply_adjoint" if adjoint else "apply"
            raise ValueError(
                f"{op.name}.{method} returned shape {tuple(out.shape)} for an input of shape {tuple(x.shape)}; "
                f"expected {(*batch, *shape_out)}."
            )
        if half:
            out = out.to(torch.complex32 if out.is_complex() else x.dtype if not x.is_complex() else torch.float16)
        return out.clone() if out is x else out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, LinearOperator, bool], output: Tensor) -> None:
        x, ctx.op, ctx.adjoint = inputs
        ctx.real_input, ctx.real_output = not x.is_complex(), not output.is_complex()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        out = _Apply.apply(grad, ctx.op, not ctx.adjoint)
        return (out.real if ctx.real_input and out.is_complex() else out), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return _Apply.apply(tangent, ctx.op, ctx.adjoint)  # type: ignore[no-any-return]

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, op: LinearOperator, adjoint: bool) -> tuple[Tensor, int]:
        return _Apply.apply(x.movedim(in_dims[0], 0), op, adjoint), 0
