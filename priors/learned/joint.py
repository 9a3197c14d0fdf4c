"""The prior of a pair of independent images."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.operator import Shape
from recon.priors.learned.diffusion import DiffusionPrior, Linearised
from recon.priors.learned.edm_diffusion import RHO
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.prior import Prior


class JointPrior(DiffusionPrior):
    """p(x) p(n) on vectors w = (x, ρ n + o), both parts flattened: D(w, σ) = (D_x(x, σ), ρ D_n(n, σ/ρ) + o).

    ρ and o are such that both diffusion processes run at the same level in the values in which each was trained,
    scale·w + shift = scale_n·n + shift_n with the scale and shift of x. Levels are those of x's prior, or where it has
    none those of n's.

    Parameters
    ----------
    image, noise
        The priors of x and n.
    image_shape, noise_shape
        Shapes of one x and of one n.
    """

    def __init__(self, image: DiffusionPrior, noise: DiffusionPrior, image_shape: Shape, noise_shape: Shape) -> None:
        sizes = prod(image_shape), prod(noise_shape)
        super().__init__((sum(sizes),), image.sigma)
        self.image, self.noise, self.sizes = image, noise, sizes
        self.shapes = image_shape, noise_shape
        fields = {image.field, noise.field} - {"any"}
        if len(fields) > 1:
            raise CapabilityError(f"{image.name} is for {image.field} images, {noise.name} for {noise.field} noise.")
        self.field = fields.pop() if fields else "any"
        self.scale, self.shift = image.scale, image.shift
        self.ratio = noise.scale / image.scale
        self.offset = (noise.shift - image.shift) / image.scale
        ranges = image.sigma_range, tuple(self.ratio * s for s in noise.sigma_range)
        self.sigma_range = max(r[0] for r in ranges), min(r[1] for r in ranges)
        if not self.sigma_range[0] < self.sigma_range[1]:
            raise ValueError(f"{image.name} and the {noise.name} of the noise have no noise level in common.")
        levels = self.ratio * noise.levels if image.levels is None and noise.levels is not None else image.levels
        low, high = self.sigma_range
        self.levels = None if levels is None else levels[(levels >= low) & (levels <= high)]

    def stops(self, steps: int) -> Tensor | None:
        """Those of the image, or else of the noise; where one of them does not hold, others between its ends."""
        found = self.image.stops(steps)
        if found is None and self.image.levels is None and (given := self.noise.stops(steps)) is not None:
            found = self.ratio * given
        if found is None:
            return None
        ends = [float(torch.as_tensor(found[i], dtype=torch.float64).clamp(*self.sigma_range)) for i in (0, -1)]
        if ends == [float(found[0]), float(found[-1])]:
            return found
        first, last = (end ** (1 / RHO) for end in ends)
        stops: Tensor = torch.linspace(first, last, steps, dtype=torch.float64) ** RHO
        return stops

    def split(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """x and n of ``(*batch, size)``, in their own shapes and units."""
        x, n = w.split(self.sizes, dim=-1)
        batch = w.shape[:-1]
        return x.reshape(*batch, *self.shapes[0]), ((n - self.offset) / self.ratio).reshape(*batch, *self.shapes[1])

    def join(self, x: Tensor, n: Tensor) -> Tensor:
        """w of x and n."""
        batch = x.shape[: x.ndim - len(self.shapes[0])]
        flat = x.reshape(*batch, self.sizes[0]), (self.ratio * n + self.offset).reshape(*batch, self.sizes[1])
        return torch.cat(flat, dim=-1)

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        level = sigma[..., 0] if isinstance(sigma, Tensor) and sigma.ndim else sigma
        x, n = self.split(u)
        return self.join(self.image(x, level), self.noise(n, level / self.ratio))

    def linearise(self, u: Tensor, sigma: float | Tensor, once: bool = False) -> Linearised:
        """D(w, σ) and its adjoint derivative, which has a block for each part."""
        self.check(u)
        self.check_sigma(sigma)
        x, n = self.split(u)
        image, noise = self.image.linearise(x, sigma, once), self.noise.linearise(n, sigma / self.ratio, once)

        def pullback(w: Tensor) -> Tensor:
            parts = (part.reshape(v.shape) for part, v in zip(w.split(self.sizes, dim=-1), (x, n), strict=True))
            back = [one.pullback(part) for one, part in zip((image, noise), parts, strict=True)]
            return torch.cat([b.reshape(*w.shape[:-1], size) for b, size in zip(back, self.sizes, strict=True)], dim=-1)

        return Linearised(self.join(image.mean, noise.mean), pullback)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(GaussianPrior(0.5, std=2.0), GaussianPrior(-0.2, std=0.3), (2, 3), (4,))
