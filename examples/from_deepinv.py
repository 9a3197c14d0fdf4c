"""deepinv and recon, both ways: its physics in our solver, our operator in its optimiser, and one answer.

python examples/from_deepinv.py
"""

from __future__ import annotations

import deepinv
import torch

from recon.operators import GaussianNoise, from_deepinv, gaussian_psf, to_deepinv
from recon.priors import Tikhonov
from recon.solvers import FISTA, MaxIter, Problem

LAM = 0.05
"""Both minimise ½‖A x − y‖² + (LAM/2)‖x‖²."""


def main() -> float:
    """The largest difference of the two reconstructions."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(32, 32, generator=generator)
    physics = deepinv.physics.Blur(gaussian_psf(1.0).float()[None, None], padding="circular")

    # their physics, our solver
    A = from_deepinv(physics, domain_shape=(32, 32))
    y = GaussianNoise(sigma=0.01).sample(A(truth), generator)
    ours = FISTA(stop=MaxIter(300)).solve(Problem(A, y, prior=Tikhonov(LAM))).image

    # our operator, their optimiser, whose images are (batch, channels, rows, columns)
    optimiser = deepinv.optim.FISTA(
        data_fidelity=deepinv.optim.L2(),
        prior=deepinv.optim.Tikhonov(),
        lambda_reg=LAM,
        stepsize=1 / A.norm_bound() ** 2,
        max_iter=300,
    )
    theirs = optimiser(y[None, None], to_deepinv(A))[0, 0]

    difference = float((ours - theirs).abs().max())
    print(f"recon and deepinv differ by at most {difference:.1e} in images of values up to {float(ours.max()):.2f}.")
    return difference


if __name__ == "__main__":
    main()
