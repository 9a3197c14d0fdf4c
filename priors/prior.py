"""What images look like: the base class of every prior, and the terms variational priors consist of."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import positive_weight
from recon.priors.kernels import Constants

if TYPE_CHECKING:
    from recon.priors.proximal import Prox


class Prior:
    """Anything a solver can use as knowledge about images; see the subclasses for what they offer."""

    names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        """Instances that together cover every mode of the class; the law suites run on them."""
        yield cls()

    @property
    def name(self) -> str:
        """How errors and reports call this prior."""
        return type(self).__name__


@dataclass(frozen=True)
class Term:
    """One summand f(Lx) of a variational prior; ``operator`` None stands for the identity.

    Attributes
    ----------
    unitary
        Whether LᴴL = LLᴴ = I, so that prox of f∘L is Lᴴ prox_f L.
    embedding
        A constant c (or one per item) with ‖x − Px‖₂ ≤ c·f(Lx) for every x, where P projects on constant images if
        ``kernel_constants``, on the range of ``kernel`` where that is given, and is zero otherwise; None if there is
        none. Solvers turn it into a ball that contains all solutions, without which a duality gap proves nothing.
    kernel
        An isometry from coefficients (k,) onto the kernel of L, where that is neither zero nor the constants.
    least
        An s > 0 with ‖Lx‖₂ ≥ s‖x − Px‖₂ for every x: what ``embedding`` says, by way of the level sets of f.
    """

    functional: Functional
    operator: LinearOperator | None = None
    unitary: bool = False
    kernel_constants: bool = False
    embedding: float | Tensor | None = None
    kernel: LinearOperator | None = None
    least: float | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """f(Lx), one value per batch item."""
        return self.functional(x if self.operator is None else self.operator(x))

    @property
    def shape(self) -> Shape:
        """Shape of the images that the term takes."""
        return self.functional.domain_shape if self.operator is None else self.operator.domain_shape

    @property
    def null(self) -> LinearOperator | None:
        """The isometry onto what L annihilates, as far as declared; None for nothing."""
        return Constants(self.shape) if self.kernel is None and self.kernel_constants else self.kernel

    def scaled(self, factor: float | Tensor) -> Term:
        """The same term times a positive number, or one per item."""
        size = factor.detach() if isinstance(factor, Tensor) else factor
        embedding = None if self.embedding is None else self.embedding / size
        return replace(self, functional=factor * self.functional, embedding=embedding)

    def select(self, items: Tensor) -> Term:
        """The same term for a subset of the (one-dimensional) batch."""
        c = self.embedding
        chosen = c[items.to(c.device)] if isinstance(c, Tensor) and c.ndim else c
        return replace(self, functional=self.functional.select(items), embedding=chosen)


class VariationalPrior(Prior, ABC):
    """A prior with an explicit cost R(x) = λ Σⱼ fⱼ(Lⱼ x), convex where all its functionals are.

    ``0.02 * TotalVariation()`` scales λ, and priors add up: ``TotalVariation(0.02) + NonNegative()``.

    A cost that is a minimum over further fields, R(x) = min_w λ Σⱼ fⱼ(Lⱼ(x, w)), declares how many images w consists of
    in :meth:`auxiliary`; its terms then act on stacks (1 + auxiliary, *shape) with x first. Solvers minimise over both.

    Every prior's λ may also be a tensor, of one number or one per item of a problem's batch, and require gradients:
    ``with_lam(theta.exp())``.

    Parameters
    ----------
    lam
        Regularisation weight λ > 0.
    """

    def __init__(self, lam: float | Tensor = 1.0) -> None:
        self.lam = positive_weight(lam, f"{self.name} expects a positive lam")

    @abstractmethod
    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        """The terms with λ = 1 for images of ``shape``."""

    def terms(self, shape: Shape) -> tuple[Term, ...]:
        """The terms for images of ``shape``, λ included."""
        units, lam = self.unit_terms(shape), self.lam
        return units if not isinstance(lam, Tensor) and lam == 1.0 else tuple(term.scaled(lam) for term in units)

    def auxiliary(self, shape: Shape) -> int:
        """How many images the cost is minimised over beside x."""
        return 0

    def components(self, x: Tensor, auxiliary: Tensor, shape: Shape) -> Mapping[str, Tensor]:
        """The parts that images ``(*batch, *shape)`` consist of, by the best w ``(*batch, auxiliary, *shape)``."""
        return {}

    def prox(
        self,
        x: Tensor,
        tau: float | Tensor = 1.0,
        *,
        shape: Shape | None = None,
        tol: float = 1e-6,
        max_iter: int = 1000,
        start: Prox | None = None,
    ) -> Prox:
        """argmin_z R(z) + ‖z − x‖²/(2τ), with dual variables and a proven bound on its suboptimality.

        Exact where one term has a closed form behind a unitary operator. Otherwise an inner method runs until the
        duality gap of every item is at most ``tol`` · ‖x‖²/(2τ), or for ``max_iter`` steps; ``start``, the answer of a
        call for nearby arguments, shortens it.

        Errors: CapabilityError where a term has no prox, is not convex behind an operator, or has auxiliary images.
        """
        from recon.priors.proximal import prox_of_terms

        item = tuple(x.shape) if shape is None else shape
        self._require_no_auxiliary(item)
        flat = x.reshape(-1, *item)
        batch = x.shape[: x.ndim - len(item)]
        steps = torch.as_tensor(tau, dtype=flat.real.dtype, device=x.device).expand(batch).reshape(-1)
        found = prox_of_terms(self.flatten(batch).terms(item), flat, steps, item, tol, max_iter, start, self.name)
        return found._replace(x=found.x.reshape(x.shape))

    def _require_no_auxiliary(self, shape: Shape) -> None:
        if self.auxiliary(shape):
            raise CapabilityError(
                f"the cost of {self.name} is a minimum over further fields and has no closed form here; solvers such "
                "as PDHG minimise over both and record the objective."
            )

    def cost(self, x: Tensor, shape: Shape | None = None) -> Tensor:
        """R(x), one value per batch item; ``shape`` is one item's and defaults to all of x."""
        self._require_no_auxiliary(tuple(x.shape) if shape is None else shape)
        terms = self.terms(tuple(x.shape) if shape is None else shape)
        total = terms[0](x)
        for term in terms[1:]:
            total = total + term(x)
        return total

    # ---------------------------------------------------------------- the weight

    def with_lam(self, lam: float | Tensor) -> Self:
        """The same prior with another λ."""
        clone = copy.copy(self)
        clone.lam = positive_weight(lam, f"{self.name} expects a positive lam")
        return clone

    def __mul__(self, factor: float | Tensor) -> Self:
        return self.with_lam(self.lam * positive_weight(factor, f"{self.name} can be multiplied by a positive number"))

    __rmul__ = __mul__

    def select(self, items: Tensor) -> Self:
        """The same prior for a subset of a one-dimensional batch: that part of every λ given per item."""
        return self._with_weights(lambda lam: lam[items.to(lam.device)] if lam.ndim else lam)

    def flatten(self, batch: Shape) -> Self:
        """The same prior with every λ given per item of ``batch`` laid out in one dimension."""
        return self._with_weights(lambda lam: lam.expand(batch).reshape(-1) if lam.ndim else lam)

    def matching(self, data: Tensor) -> Self:
        """The same prior with every λ that is a tensor in the precision and on the device of ``data``."""
        return self._with_weights(lambda lam: lam.to(data.real if data.is_complex() else data))

    def check_batch(self, batch: Shape) -> None:
        """Raise ValueError unless every λ given per item has the shape ``batch``."""

        def check(lam: Tensor) -> Tensor:
            if lam.ndim and tuple(lam.shape) != tuple(batch):
                raise ValueError(
                    f"{self.name} has lam of shape {tuple(lam.shape)} for a batch of shape {tuple(batch)}; expected "
                    "one number or one per item."
                )
            return lam

        self._with_weights(check)

    def _with_weights(self, change: Callable[[Tensor], Tensor]) -> Self:
        """A copy with every λ that is a tensor changed, here and in priors inside; self where nothing changes."""
        changed: dict[str, object] = {}
        for key, value in self.__dict__.items():
            if key == "lam" and isinstance(value, Tensor):
                changed[key] = change(value)
            elif isinstance(value, VariationalPrior):
                changed[key] = value._with_weights(change)
            elif isinstance(value, tuple):
                changed[key] = tuple(v._with_weights(change) if isinstance(v, VariationalPrior) else v for v in value)
        if all(_same(value, self.__dict__[key]) for key, value in changed.items()):
            return self
        clone = copy.copy(self)
        clone.__dict__.update(changed)
        return clone

    def __add__(self, other: VariationalPrior) -> VariationalPrior:
        from recon.priors.sum import SumPrior

        return SumPrior(self, other)


def _same(value: object, old: object) -> bool:
    if isinstance(value, tuple) and isinstance(old, tuple):
        return all(a is b for a, b in zip(value, old, strict=True))
    return value is old
