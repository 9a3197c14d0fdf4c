"""Linear operators: a pair of exactly transposed maps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor

from recon.operators.evaluate import evaluate
from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.operator import Field, Operator


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
    * ``"svd"``: :meth:`svd`;
    * ``"preimage"``: :meth:`preimage`, some y with Aᴴy = e for e in the range of Aᴴ.

    Half-precision input is computed in float32 and rounded once at the end (see :meth:`takes_half`).
    """

    elementwise: ClassVar[bool] = False
    """Whether each datum is a multiple of one pixel: then no rounding leaks into the kernel of A."""

    @abstractmethod
    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Evaluate Aᴴy for a y whose shape and field have been checked."""

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate A x, ``(*batch, *domain_shape)`` to ``(*batch, *range_shape)``."""
        self.check(x, self.domain_shape, self.domain_field)
        return evaluate(x, self, False)

    def adjoint(self, y: Tensor) -> Tensor:
        """Evaluate Aᴴ y, ``(*batch, *range_shape)`` to ``(*batch, *domain_shape)``."""
        self.check(y, self.range_shape, self.range_field)
        return evaluate(y, self, True)

    def normal(self, x: Tensor) -> Tensor:
        """Evaluate AᴴA x."""
        return self.adjoint(self(x))

    def weighted_normal(self, x: Tensor, weights: Tensor) -> Tensor:
        """Evaluate AᴴWA x for weights that broadcast against ``(*batch, *range_shape)``."""
        return self.adjoint(weights * self(x))

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        """Directional derivative, A v at every x."""
        self.check(x, self.domain_shape, self.domain_field)
        return self(v)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        """Adjoint derivative, Aᴴw at every x."""
        self.check(x, self.domain_shape, self.domain_field)
        return self.adjoint(w)

    def gauss_newton(self, x: Tensor, middle: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor], Tensor]:
        """Aᴴ M A, whatever x is."""
        return self.normal if middle is None else lambda v: self.adjoint(middle(self(v)))

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

    def gram_spectrum(self) -> GramSpectrum | None:
        """A periodic convolution near AᴴA, for preconditioners; None where no cheap one is known."""
        return None

    def preimage(self, e: Tensor) -> Tensor:
        """A y with Aᴴy = e, for any e in the range of Aᴴ, which is orthogonal to the kernel of A."""
        raise self._lacks("preimage", "use recon.solvers.cg on A.normal and apply A to the solution instead")

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
        differentiable: bool = False,
    ) -> LinearOperator:
        """An operator made of two functions on tensors ``(*batch, *shape)``; ``norm`` if ‖A‖ is known.

        With ``differentiable``, both are made of torch operations, and gradients reach the tensors that they close over
        as well as x: for learned filters.
        """
        from recon.operators.from_functions import FromFunctions

        return FromFunctions(
            forward, adjoint, domain_shape, range_shape, domain_field, range_field, norm, differentiable
        )

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        """Small instances that together cover every mode of the class."""
        yield cls()  # type: ignore[call-arg]
