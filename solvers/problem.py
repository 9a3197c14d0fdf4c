"""The whole question: operator, data, noise and prior; nothing about how to answer it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.linear import LinearOperator
from recon.operators.noise import GaussianNoise, NoiseModel
from recon.operators.operator import Operator, Shape
from recon.priors.prior import Prior, Term, VariationalPrior


@dataclass(frozen=True)
class Problem:
    """Reconstruct x from y ~ p(y | A(x)): minimise f(A x) + R(x), or sample p(x | y).

    Parameters
    ----------
    operator
        A, from ``domain_shape`` to ``range_shape``.
    data
        y, ``(*batch, *range_shape)``: leading dimensions are independent items.
    noise
        How y scatters around A x; white Gaussian noise of σ = 1 by default, i.e. f(z) = ½‖z − y‖².
    prior
        R or a denoiser or a diffusion prior; None for none.
    fidelity
        The data term f itself, instead of ``noise``; built on ``data``.

    Errors: ValueError or TypeError, in one sentence, where shapes, fields or finiteness do not fit.
    """

    operator: Operator
    data: Tensor
    noise: NoiseModel | None = None
    prior: Prior | None = None
    fidelity: Functional | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.operator, Operator):
            raise TypeError(
                f"Problem expects an operator of recon.operators, got {type(self.operator).__name__}; "
                "see from_deepinv, from_odl and LinearOperator.from_functions."
            )
        self.operator.check(self.data, self.operator.range_shape, self.operator.range_field)
        if not bool(torch.isfinite(torch.view_as_real(self.data) if self.data.is_complex() else self.data).all()):
            raise ValueError("Problem expects finite data, got NaN or infinity.")
        if self.noise is not None and self.fidelity is not None:
            raise ValueError("Problem expects noise or fidelity, not both.")
        if self.prior is not None and not isinstance(self.prior, Prior):
            raise TypeError(
                f"Problem expects a prior of recon.priors, got {type(self.prior).__name__}; "
                "wrap a denoiser as DenoiserPrior(denoiser)."
            )
        if self.fidelity is None:
            noise = GaussianNoise(1.0) if self.noise is None else self.noise
            noise.check_batch(self.batch)
            object.__setattr__(self, "noise", noise)
            object.__setattr__(self, "fidelity", noise.fidelity(self.data, self.operator.range_shape))
        elif self.fidelity.domain_shape != self.operator.range_shape:
            raise ValueError(
                f"the fidelity takes {self.fidelity.domain_shape}, the operator gives {self.operator.range_shape}."
            )

    # ---------------------------------------------------------------- shapes

    @property
    def batch(self) -> Shape:
        """Leading dimensions of the data: one reconstruction each."""
        return tuple(self.data.shape[: self.data.ndim - len(self.operator.range_shape)])

    @property
    def shape(self) -> Shape:
        """Shape of one reconstructed image."""
        return self.operator.domain_shape

    @property
    def dtype(self) -> torch.dtype:
        """dtype of reconstructions: of the data, complex or real as the operator's domain demands."""
        real = self.data.real.dtype if self.data.is_complex() else self.data.dtype
        field = self.operator.domain_field
        complex_ = field == "complex" or (
            field == "any" and self.data.is_complex() and self.operator.range_field == "any"
        )
        return real.to_complex() if complex_ else real

    # ---------------------------------------------------------------- the objective

    @property
    def likelihood(self) -> Functional:
        """f, the data term on A's range."""
        assert self.fidelity is not None
        return self.fidelity

    @property
    def linear(self) -> LinearOperator:
        """A, where it is linear; a TypeError that says so otherwise."""
        if not isinstance(self.operator, LinearOperator):
            raise TypeError(f"this solver needs a linear operator; {self.operator.name} is nonlinear.")
        return self.operator

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The terms of a variational prior, none if there is no prior."""
        if self.prior is None:
            return ()
        if not isinstance(self.prior, VariationalPrior):
            raise TypeError(
                f"this solver needs a prior with an explicit cost; {self.prior.name} has none. "
                "Plug-and-play solvers (PnPADMM, PnPHQS, PnPPGD) and samplers take such priors."
            )
        terms = self.prior.terms(self.shape)
        for term in terms:
            same = term.operator is None or term.operator.range_field == "any"
            if same and self.dtype.is_complex and term.functional.domain_field == "real":
                raise TypeError(f"{self.prior.name} needs real images; those of {self.operator.name} are complex here.")
        return terms

    def objective(self, x: Tensor) -> Tensor:
        """f(A x) + R(x), one value per item; R is left out where the prior has no explicit cost."""
        value = self.likelihood(self.operator(x))
        if self.prior is None or isinstance(self.prior, VariationalPrior):
            for term in self.terms:
                value = value + term(x)
        return value

    def zeros(self) -> Tensor:
        """A zero image per item."""
        return torch.zeros((*self.batch, *self.shape), dtype=self.dtype, device=self.data.device)

    # ---------------------------------------------------------------- rearranging items

    def flatten(self) -> Problem:
        """The same question with the batch in exactly one dimension."""
        n = len(self.batch)
        if n == 1:
            return self
        data = self.data.reshape(prod(self.batch), *self.operator.range_shape)
        if self.noise is not None:
            return self._with(data=data, noise=self.noise.flatten(self.batch), fidelity=None)
        if self.likelihood.per_item_attributes and n != 1:
            raise ValueError("a Problem built on a fidelity expects data with exactly one batch dimension.")
        return self._with(data=data)

    def select(self, items: Tensor) -> Problem:
        """The question for a subset of the (one-dimensional) batch."""
        fidelity = self.likelihood.select(items)
        noise = None if self.noise is None else self.noise.select(items)
        chosen = self._with(data=self.data[items.to(self.data.device)], noise=noise, fidelity=fidelity)
        if "terms" in self.__dict__:
            chosen.__dict__["terms"] = tuple(
                dataclasses.replace(term, functional=term.functional.select(items)) for term in self.terms
            )
        return chosen

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Problem:
        """The question on another device or in another precision (of a real dtype)."""
        if dtype is not None and self.data.is_complex():
            dtype = dtype.to_complex()
        data = self.data.to(device=device, dtype=dtype)
        return self._with(data=data, fidelity=None if self.noise is not None else self.fidelity)

    def _with(self, **changes: Any) -> Problem:
        """A copy with some fields exchanged, without building the fidelity twice."""
        fields = {f.name: changes.get(f.name, getattr(self, f.name)) for f in dataclasses.fields(self)}
        if fields["fidelity"] is None:
            return Problem(**fields)
        clone = object.__new__(Problem)
        for key, value in fields.items():
            object.__setattr__(clone, key, value)
        return clone
