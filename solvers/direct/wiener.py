"""Wiener's filter: regularised deconvolution in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators import Blur, GaussianNoise, Gradient, Identity, LinearOperator, gaussian_psf
from recon.operators.algebra import Scaled
from recon.operators.circulant import Circulant
from recon.operators.functionals import Functional, SquaredL2
from recon.operators.linear import CapabilityError
from recon.operators.tensors import per_item
from recon.priors import Tikhonov, VariationalPrior
from recon.solvers.direct.direct import Direct
from recon.solvers.linear.golub_kahan import unscaled
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


@dataclass(frozen=True, kw_only=True)
class Wiener(Direct):
    """argmin_x (w/2)‖A x − y‖² + Σⱼ (λⱼ/2)‖Lⱼ x − cⱼ‖² for periodic convolutions A and Lⱼ of transfer functions H, Gⱼ:

        x = F⁻¹ [(w H̄ F y + Σⱼ λⱼ Ḡⱼ F cⱼ) / (w|H|² + Σⱼ λⱼ|Gⱼ|²)]

    w = 1/σ² belongs to the noise; the prior is :class:`recon.priors.Tikhonov`, or a sum of such. With Lx the periodic
    Laplacian of x, ``Circulant`` of its kernel, it is the Wiener-Hunt filter: then λσ² is the ``balance`` of
    scikit-image's ``wiener``, and (1/σ², λ) are the precisions of noise and image in ``unsupervised_wiener``. Where the
    denominator vanishes, so does x.

    Errors: CapabilityError for data terms that are not quadratic with one weight per item, operators that are no
    periodic convolution (Circulant, Blur and Gradient with a circular boundary, Identity), and other priors.

    Sources: Hunt, IEEE Trans. Comput. 22 (1973) 805; Orieux, Giovannelli and Rodet, J. Opt. Soc. Am. A 27 (2010) 1593.
    """

    names = ("wiener",)

    def require(self, problem: Problem) -> None:
        self._quadratics(problem)

    @staticmethod
    def _quadratics(problem: Problem) -> list[tuple[SquaredL2, LinearOperator, float | Tensor]]:
        """The quadratics, their operators and factors; refuses other problems."""
        pairs: list[tuple[Functional, LinearOperator]] = [(problem.likelihood, problem.linear)]
        if problem.prior is not None and not isinstance(problem.prior, VariationalPrior):
            raise CapabilityError(f"Wiener takes Tikhonov priors, got {problem.prior.name}.")
        pairs += [(term.functional, term.operator or Identity(problem.shape)) for term in problem.terms]
        found = []
        for functional, operator in pairs:
            f, factor = unscaled(functional)
            if not isinstance(f, SquaredL2) or f.elements is not None:
                raise CapabilityError(
                    f"Wiener needs quadratic terms, Gaussian noise and Tikhonov priors, of one weight per item; got "
                    f"{functional.name}."
                )
            if not _periodic(operator):
                raise CapabilityError(
                    f"Wiener needs periodic convolutions: Circulant, Identity, or Blur and Gradient with "
                    f"boundary='circular'; got {operator.name}."
                )
            found.append((f, operator, factor))
        return found

    def reconstruct(self, problem: Problem) -> Tensor:
        x, n = problem.zeros(), len(problem.shape)
        dims = tuple(range(-n, 0))
        force, total = torch.zeros_like(x), torch.zeros_like(x.real if x.is_complex() else x)
        delta = torch.zeros(problem.shape, dtype=torch.float64, device=x.device)
        delta[(0,) * n] = 1
        for f, operator, factor in self._quadratics(problem):
            weight = per_item(factor * f.weight, x, n)
            if f.data is not None:
                data = f.constant("data", x).expand(len(x), *operator.range_shape)
                force = force + weight * operator.adjoint(data.to(force.dtype) if x.is_complex() else data)
            impulse = delta.to(x.dtype if operator.domain_field == "complex" else torch.float64)
            gain = torch.fft.fftn(operator.normal(impulse), dim=dims).real
            total = total + weight * gain.to(total)
        spectrum = torch.fft.fftn(force, dim=dims)
        seen = total > 1e2 * torch.finfo(total.dtype).eps * total.flatten(1).amax(1).reshape(-1, *(1,) * n)
        out: Tensor = torch.fft.ifftn(torch.where(seen, spectrum / torch.where(seen, total, 1), 0), dim=dims)
        return out if x.is_complex() else out.real

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = Blur(gaussian_psf(0.8), (8, 8))
        x = torch.zeros(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
        yield cls(), Problem(A, A(x), GaussianNoise(0.1), Tikhonov(2.0, Gradient((8, 8), boundary="circular")))
        yield cls(), Problem(A, (1 + 0.5j) * A(x), GaussianNoise(0.1), Tikhonov(0.5) + Tikhonov(0.1))


def _periodic(operator: LinearOperator) -> bool:
    while isinstance(operator, Scaled):
        operator = operator.operator
    if isinstance(operator, (Blur, Gradient)):
        return operator.boundary == "circular"
    return isinstance(operator, (Circulant, Identity))
