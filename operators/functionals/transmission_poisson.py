"""Poisson negative log-likelihood of counts behind an absorbing object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.lambert import omega
from recon.operators.linear import CapabilityError
from recon.operators.tensors import exact, fixed, item_norm, item_sum, per_item


class TransmissionPoisson(Functional):
    """f(z) = Σ [μ − m + y log(m/μ)], μ = I₀e^{−z} + b: the Poisson likelihood of line integrals less its least value.

    Counts y are Poisson with mean μ, by Beer and Lambert's law; m = max(y, b) is the most likely mean that some z
    gives, b being that of z → ∞. The gradient is I₀e^{−z}(y/μ − 1), not Lipschitz as z → −∞; on z ≥ 0 its Lipschitz
    constant is max I₀ without background.

    Without background f is convex:

    * prox: z = x − τy + w with w e^w = τI₀ e^{τy − x}, Lambert's function of an argument kept in logarithms;
    * f*(p) = Σ [s log(s/I₀) − s + y − y log(y/I₀)] with s = y − p ≥ 0.

    With b > 0, f is not convex where I₀e^{−z} < √(yb) − b, which any y > b leaves room for; only the gradient is then
    declared, and solvers that need convexity refuse it.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    data
        y ≥ 0, ``(*batch, *domain_shape)``.
    blank
        I₀ > 0, mean counts without an object: a number or a tensor broadcast against one item.
    background
        b ≥ 0, mean counts that have not come through the object (scatter, randoms): likewise.

    Sources: H. Erdogan and J. A. Fessler, Phys. Med. Biol. 44 (1999) 2835, eq. 3; R. M. Corless et al., Adv. Comput.
    Math. 5 (1996) 329, for Lambert's function.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"data": "item"}
    separable = True

    def __init__(
        self, domain_shape: Sequence[int], data: Tensor, blank: float | Tensor, background: float | Tensor = 0.0
    ) -> None:
        super().__init__(domain_shape)
        self.domain_field = "real"
        self.check(data, self.domain_shape, "real")
        if bool((data < 0).any()):
            raise ValueError("TransmissionPoisson expects nonnegative counts, got negative values.")
        self.data = data
        self.blank, self.background = checked_counts(blank, background, "TransmissionPoisson")
        for name, value in (("blank", self.blank), ("background", self.background)):
            shape = tuple(value.shape)
            if value.ndim > self.ndim or any(
                n not in (1, size) for n, size in zip(shape[::-1], self.domain_shape[::-1], strict=False)
            ):
                raise ValueError(
                    f"TransmissionPoisson expects a {name} that broadcasts against one item of {self.domain_shape}, "
                    f"got shape {shape}."
                )
        self.convex = not bool(self.background.any())
        self.capabilities = frozenset({"grad", "prox", "conjugate"} if self.convex else {"grad"})

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """y, I₀e^{−z} and b."""
        return self.constant("data", x), self.constant("blank", x) * torch.exp(-x), self.constant("background", x)

    def apply(self, x: Tensor) -> Tensor:
        y, beam, b = self._parts(x)
        most = torch.maximum(y, b)
        if "prox" in self.capabilities:  # log μ without rounding I₀e^{−z} to 0
            information = torch.xlogy(y, y / self.constant("blank", x)) + y * x
        else:
            information = torch.xlogy(y, most) - torch.xlogy(y, beam + b)
        return item_sum(beam + b - most + information, self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        y, beam, b = self._parts(x)
        if "prox" in self.capabilities:
            return y - beam
        share = torch.where(b > 0, y * beam / torch.where(b > 0, beam + b, 1), y)
        return share - beam

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        y, beam, b = self._parts(x)
        if "prox" in self.capabilities:
            return beam * v
        mean = torch.where(b > 0, beam + b, 1)
        return beam * (1 - torch.where(b > 0, y * b / mean.square(), 0)) * v

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        self._convex("proximal map")
        y, t = self.constant("data", x), per_item(tau, x, self.ndim)
        scale = t * self.constant("blank", x)
        start = x - t * y
        w = omega(torch.log(scale) - start)
        # the same number twice: w may cancel against τy, and e^−z = w/(τI₀) against nothing
        return torch.where(w > 1, torch.log(scale / torch.where(w > 1, w, 1)), start + w)

    def conjugate(self, y: Tensor) -> Tensor:
        self._convex("convex conjugate")
        data, blank = self.constant("data", y), self.constant("blank", y)
        s = data - y
        value = torch.xlogy(s.clamp(min=0), s.clamp(min=0) / blank) - torch.xlogy(data, data / blank) + y
        return item_sum(torch.where(s < 0, torch.inf, value), self.ndim)

    def dual_point(self, y: Tensor) -> Tensor:
        return torch.minimum(y, self.constant("data", y))

    def dual_shrink(self, y: Tensor) -> Tensor:
        data = self.constant("data", y)
        beyond = y > data
        share = torch.where(beyond, data / torch.where(beyond, y, 1), 1)
        return share.flatten(share.ndim - self.ndim).amin(-1) if self.ndim else share

    def dual_scale(self) -> float | Tensor:
        return self.data.flatten(self.data.ndim - self.ndim).mean(-1).clamp(min=1).sqrt()

    def level_radius(self, level: Tensor) -> Tensor:
        """‖z*‖ + T for b = 0 and y > 0, where z* = log(I₀/y) and T² = (2 + T) level/min y; infinite otherwise.

        With t = z − z*, each term is y(e^{−t} − 1 + t) ≥ y t²/(2 + |t|).
        """
        y = self.constant("data", level)
        least = y.flatten(y.ndim - self.ndim).amin(-1) if self.ndim else y
        if "prox" not in self.capabilities:
            return torch.full_like(level, torch.inf)
        a = level / torch.where(least > 0, least, 1)
        middle = item_norm(torch.log(self.constant("blank", level) / torch.where(y > 0, y, 1)), self.ndim)
        return torch.where(least > 0, middle + (a + (a * (a + 8)).sqrt()) / 2, torch.inf)

    def _convex(self, what: str) -> None:
        if "prox" not in self.capabilities:
            raise CapabilityError(f"{self.name} has no {what} with a background, where it is not convex.")

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        blank = torch.tensor([6.0, 3.0])
        yield cls((3, 2), torch.tensor([[3.0, 0.0], [1.0, 7.0], [2.0, 5.0]]), blank)
        yield cls((2,), torch.tensor([4.0, 1.0]), 2.5)
        yield cls((3,), torch.tensor([3.0, 0.0, 4.0]), 9.0, background=torch.tensor([4.0, 4.0, 5.0]))


def checked_counts(blank: float | Tensor, background: float | Tensor, owner: str) -> tuple[Tensor, Tensor]:
    """Blank and background counts as tensors; refuses what cannot be."""
    default = torch.get_default_dtype()
    beam, behind = fixed(exact(blank), owner, "blank"), fixed(exact(background), owner, "background")
    for name, value in (("blank", beam), ("background", behind)):
        if value.is_complex():
            raise ValueError(f"{owner} expects a real {name}, got complex numbers.")
    if bool((beam <= 0).any()):
        raise ValueError(
            f"{owner} expects a positive blank, got {float(beam.min()):g}: bins that receive no counts without an "
            "object say nothing; leave them out of the geometry or the data."
        )
    if bool((behind < 0).any()):
        raise ValueError(f"{owner} expects a nonnegative background, got {float(behind.min()):g}.")
    return tuple(v if v.is_floating_point() else v.to(default) for v in (beam, behind))  # type: ignore[return-value]
