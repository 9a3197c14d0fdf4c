"""The whole question: operator, data, noise and prior; nothing about how to answer it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import torch
from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals import Functional
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.noise import GaussianNoise, NoiseModel
from recon.operators.operator import Operator, Shape
from recon.operators.signal_plus_noise import signal_plus_noise
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.joint import JointPrior
from recon.priors.learned.latent_prior import LatentPrior
from recon.priors.learned.latents import Latents
from recon.priors.learned.structured_noise import StructuredNoise
from recon.priors.prior import Prior, Term, VariationalPrior
from recon.priors.slots import Slots


class UnstatedNoise(GaussianNoise):
    """What a problem takes for its noise where none is given: white, with σ = 1, which minimisers do not depend on."""


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
        The data term f instead of ``noise``: a :class:`DataTerm` such as ``HuberFidelity(0.1)``, or a functional built
        on ``data``.

    Errors: ValueError or TypeError, in one sentence, where shapes, fields or finiteness do not fit.
    """

    operator: Operator
    data: Tensor
    noise: NoiseModel | None = None
    prior: Prior | None = None
    fidelity: Functional | DataTerm | None = None

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
        if isinstance(self.prior, VariationalPrior):
            self.prior.check_batch(self.batch)
            object.__setattr__(self, "prior", self.prior.matching(self.data))
        shape = self.operator.range_shape
        if isinstance(self.fidelity, Functional):
            if self.fidelity.domain_shape != shape:
                raise ValueError(f"the fidelity takes {self.fidelity.domain_shape}, the operator gives {shape}.")
            object.__setattr__(self, "_likelihood", self.fidelity)
            return
        name = "noise" if self.fidelity is None else "fidelity"
        term = (UnstatedNoise(1.0) if self.noise is None else self.noise) if self.fidelity is None else self.fidelity
        if not isinstance(term, NoiseModel if name == "noise" else DataTerm):
            wanted = "a noise model" if name == "noise" else "a functional or a data term"
            raise TypeError(f"Problem expects {wanted} of recon.operators as {name}, got {type(term).__name__}.")
        term = term.fit(self.batch, shape)
        object.__setattr__(self, name, term)
        object.__setattr__(self, "_likelihood", term.fidelity(self.data, shape))

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
        functional: Functional = self.__dict__["_likelihood"]
        return functional

    @property
    def linear(self) -> LinearOperator:
        """A, where it is linear; a CapabilityError that says so otherwise."""
        if not isinstance(self.operator, LinearOperator):
            raise CapabilityError(f"this solver needs a linear operator; {self.operator.name} is nonlinear.")
        return self.operator

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The terms of a variational prior, none if there is no prior."""
        if self.prior is None:
            return ()
        if not isinstance(self.prior, VariationalPrior):
            raise CapabilityError(
                f"this solver needs a prior with an explicit cost; {self.prior.name} has none. "
                "Plug-and-play solvers (PnPADMM, PnPHQS, PnPPGD) and samplers take such priors."
            )
        if self.lifted is not self:
            raise CapabilityError(
                f"the cost of {self.prior.name} is a minimum over further fields; ask problem.lifted for its terms."
            )
        terms = self.prior.terms(self.shape)
        for term in terms:
            same = term.operator is None or term.operator.range_field == "any"
            if same and self.dtype.is_complex and term.functional.domain_field == "real":
                raise CapabilityError(
                    f"{self.prior.name} needs real images; those of {self.operator.name} are complex here."
                )
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

    @cached_property
    def convex(self) -> bool:
        """Whether the objective is a convex function of x, as far as operator, data term and prior declare."""
        if not isinstance(self.operator, LinearOperator) or not self.likelihood.convex:
            return False
        if self.prior is None:
            return True
        if not isinstance(self.prior, VariationalPrior):
            return False
        return all(term.functional.convex for term in self.prior.terms(self.shape))

    # ---------------------------------------------------------------- auxiliary images

    @cached_property
    def lifted(self) -> Problem:
        """The same question about stacks (1 + n, *shape): x, and the n images that the prior's cost is minimised over.

        With :class:`recon.priors.StructuredNoise` about vectors of a :class:`recon.priors.JointPrior`: x and the noise.
        With :class:`recon.priors.LatentPrior` about latents z instead of x, whose operator is A∘G with the decoder G.
        This problem itself where there are no further images.
        """
        if isinstance(self.prior, LatentPrior):
            if isinstance(self.noise, StructuredNoise):
                raise CapabilityError(
                    "StructuredNoise is drawn together with images, and LatentPrior has latents in their place: take "
                    "GaussianNoise or CorrelatedNoise with it, or a prior for images."
                )
            operator, latents = self.prior.pose(self.operator, self.dtype.is_complex)
            return self._with(operator=operator, prior=latents)
        if isinstance(self.noise, StructuredNoise) and isinstance(self.prior, DiffusionPrior):
            return self._with_noise(self.prior, self.noise)
        if not isinstance(self.prior, VariationalPrior):
            return self
        count = self.prior.auxiliary(self.shape)
        if not count:
            return self
        operator = self.operator @ Slots(self.shape, 1 + count, 0)
        return self._with(operator=operator, prior=_Lifted(self.prior, self.shape))

    def _with_noise(self, prior: DiffusionPrior, noise: StructuredNoise) -> Problem:
        joint = JointPrior(prior, noise.prior, self.shape, self.operator.range_shape)
        operator = signal_plus_noise(self.operator, 1 / joint.ratio)
        return Problem(operator, self.data + joint.offset / joint.ratio, GaussianNoise(noise.sigma), joint)

    def lift(self, x: Tensor) -> Tensor:
        """Images as stacks of :attr:`lifted`, the others zero or the noise that is left of the data; or encoded."""
        if isinstance(self.prior, LatentPrior):
            return self.prior.encode(x, self.shape)
        if isinstance(self.lifted.prior, JointPrior) and self.lifted is not self:
            return self.lifted.prior.join(x, self.data - self.operator(x))
        return x if self.lifted is self else Slots(self.shape, self.lifted.shape[0], 0).adjoint(x)

    def unlift(self, stacks: Tensor) -> Tensor:
        """The images sought, of stacks or latents of :attr:`lifted`."""
        if isinstance(self.lifted.prior, Latents) and self.lifted is not self:
            return self.lifted.prior.decoder(stacks)
        if isinstance(self.lifted.prior, JointPrior) and self.lifted is not self:
            return self.lifted.prior.split(stacks)[0]
        return stacks if self.lifted is self else Slots(self.shape, self.lifted.shape[0], 0)(stacks)

    # ---------------------------------------------------------------- rearranging items

    def flatten(self) -> Problem:
        """The same question with the batch in exactly one dimension."""
        n = len(self.batch)
        if n == 1:
            return self
        data = self.data.reshape(prod(self.batch), *self.operator.range_shape)
        prior = self.prior.flatten(self.batch) if isinstance(self.prior, VariationalPrior) else self.prior
        if self.noise is not None:
            return Problem(self.operator, data, self.noise.flatten(self.batch), prior)
        if isinstance(self.fidelity, DataTerm):
            return Problem(self.operator, data, None, prior, self.fidelity.flatten(self.batch))
        if self.likelihood.holds_items:
            raise ValueError("a Problem built on a functional of several items expects exactly one batch dimension.")
        return Problem(self.operator, data, None, prior, self.fidelity)

    def select(self, items: Tensor) -> Problem:
        """The question for a subset of the (one-dimensional) batch."""
        likelihood = self.likelihood.select(items)
        noise = None if self.noise is None else self.noise.select(items)
        fidelity = self.fidelity.select(items) if isinstance(self.fidelity, DataTerm) else self.fidelity
        fidelity = likelihood if isinstance(fidelity, Functional) else fidelity
        prior = self.prior.select(items) if isinstance(self.prior, VariationalPrior) else self.prior
        data = self.data[items.to(self.data.device)]
        chosen = self._with(data=data, noise=noise, prior=prior, fidelity=fidelity, _likelihood=likelihood)
        if "terms" in self.__dict__:
            chosen.__dict__["terms"] = tuple(term.select(items) for term in self.terms)
        return chosen

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Problem:
        """The question on another device or in another precision (of a real dtype)."""
        if dtype is not None and self.data.is_complex():
            dtype = dtype.to_complex()
        data = self.data.to(device=device, dtype=dtype)
        return dataclasses.replace(self, data=data)

    def _with(self, **changes: Any) -> Problem:
        """A copy with some fields exchanged, without building the data term twice."""
        names = (*(f.name for f in dataclasses.fields(self)), "_likelihood")
        clone = object.__new__(Problem)
        for key in names:
            object.__setattr__(clone, key, changes.get(key, self.__dict__[key]))
        return clone


class _Lifted(VariationalPrior):
    """A prior with auxiliary images, as one on stacks that has none."""

    def __init__(self, prior: VariationalPrior, shape: Shape) -> None:
        self.prior, self.shape = prior, shape
        super().__init__()

    @property
    def name(self) -> str:
        return self.prior.name

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return self.prior.terms(self.shape)
