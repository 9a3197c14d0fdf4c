"""Total variation of several channels: limits that are known, optima of an independent solver."""

from __future__ import annotations

from math import sqrt

import cvxpy as cp
import numpy as np
import pytest
import torch

from recon.operators import GaussianNoise, Identity
from recon.priors import NuclearTV, TotalVariation, VectorialTV
from recon.solvers import Problem, solve

from .optima import blurred, differences, lengths, masked, optimum, reaches, scene


def channels(*factors: float) -> torch.Tensor:
    return torch.tensor(factors, dtype=torch.float64).reshape(-1, 1, 1) * scene((6, 5))


def test_copies_of_one_image_cost_its_total_variation() -> None:
    """Jacobians of rank 1 have one singular value, |a||Dx|: both norms agree, √C for C equal channels."""
    gray = TotalVariation(spacing=0.5).cost(scene((6, 5)))
    for norm in ("frobenius", "nuclear"):
        torch.testing.assert_close(VectorialTV(norm=norm, spacing=0.5).cost(channels(1, 1, 1)), sqrt(3) * gray)
        torch.testing.assert_close(VectorialTV(norm=norm, spacing=0.5).cost(channels(3, -4)), 5 * gray)
        torch.testing.assert_close(VectorialTV(norm=norm, spacing=0.5).cost(channels(1)), gray)


def test_edges_that_cross_cost_more_in_the_nuclear_norm() -> None:
    """Where one channel steps along rows and the other along columns, J = diag(1, 1): √2 or 2."""
    x = torch.zeros(2, 2, 2, dtype=torch.float64)
    x[0, 1:], x[1, :, 1:] = 1.0, 1.0
    rest = 1.0 + 1.0  # the pixels next to the corner see one edge each
    assert float(VectorialTV().cost(x)) == pytest.approx(sqrt(2) + rest)
    assert float(NuclearTV().cost(x)) == pytest.approx(2 + rest)


def test_joint_edges_cost_less_than_apart() -> None:
    x = torch.zeros(2, 8, dtype=torch.float64)
    x[0, 4:], x[1, 4:] = 1.0, 1.0
    apart = x.clone()
    apart[1] = x[1].roll(2)
    apart[1, :2] = 0
    assert float(VectorialTV().cost(x)) == pytest.approx(sqrt(2))
    assert float(VectorialTV().cost(apart)) == pytest.approx(2)


def test_nuclear_tv_is_the_nuclear_norm() -> None:
    x = torch.rand(3, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w = torch.linspace(0.5, 2, 5, dtype=torch.float64)
    D = np.stack([(d @ x.reshape(3, -1).numpy().T).T for d in differences((6, 5), (1.0, 0.5))])
    expected = np.linalg.svd(D.transpose(2, 0, 1), compute_uv=False).sum(-1).reshape(6, 5) @ w.numpy()
    prior = NuclearTV(0.3, weights=w, spacing=(1.0, 0.5))
    assert float(prior.cost(x)) == pytest.approx(0.3 * expected.sum(), rel=1e-12)
    other = VectorialTV(0.3, "nuclear", weights=w, spacing=(1.0, 0.5))
    torch.testing.assert_close(prior.cost(x), other.cost(x))


def test_axis_of_channels_is_not_differentiated_in_volumes_either() -> None:
    x = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    D = np.stack([(d @ x.reshape(2, -1).numpy().T).T for d in differences((3, 4, 5))])
    assert float(VectorialTV().cost(x)) == pytest.approx(np.sqrt((D**2).sum((0, 1))).sum())


CASES = {
    "colours": ((3, 5, 4), "frobenius", {}, False),
    "complex": ((2, 5, 4), "frobenius", {}, True),
    "contrasts": ((2, 5, 4), "frobenius", {"channel_weights": (1.0, 0.3), "spacing": (1.0, 2.0)}, False),
    "volume": ((2, 3, 3, 3), "frobenius", {}, False),
    "nuclear": ((3, 4, 3), "nuclear", {}, False),
    "nuclear, contrasts": ((2, 4, 4), "nuclear", {"channel_weights": (1.0, 0.3), "spacing": (1.0, 2.0)}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_reaches_the_optimum_of_an_independent_solver(name: str) -> None:
    shape, norm, settings, complex_ = CASES[name]
    n, scale = int(np.prod(shape[1:])), settings.get("channel_weights", (1.0,) * shape[0])
    D = differences(shape[1:], settings.get("spacing"))

    def penalty(z: cp.Variable) -> cp.Expression:
        parts = [[s * d @ z[k * n : (k + 1) * n] for k, s in enumerate(scale)] for d in D]
        if norm == "frobenius":
            return 5.0 * cp.sum(lengths([p for row in parts for p in row], complex_))
        return 5.0 * sum(cp.normNuc(cp.vstack([cp.hstack([p[i] for p in row]) for row in parts])) for i in range(n))

    prior = VectorialTV(5.0, norm, **settings)
    problem = blurred(shape, prior, complex_) if norm == "frobenius" else masked(shape, prior)
    reaches(problem, optimum(problem, penalty))


def test_a_faint_channel_gets_its_edges_from_a_clear_one() -> None:
    """A noisy channel whose edges another one shows is denoised better together than alone, at the best λ of each."""
    clean = torch.stack([scene((20, 20)), scene((20, 20))])
    sigma = torch.tensor([0.02, 0.3], dtype=torch.float64)
    noise = torch.randn(2, 20, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = clean + sigma.reshape(2, 1, 1) * noise
    errors = {}
    for name, prior in (("apart", TotalVariation), ("joint", VectorialTV)):
        errors[name] = []
        for lam in (1.0, 3.0, 10.0):
            if name == "apart":
                image = solve(Problem(Identity((20, 20)), y[1], GaussianNoise(0.3), prior(lam))).image
            else:
                weighed = y / sigma.reshape(2, 1, 1)
                found = prior(lam * 0.3, channel_weights=(0.02 / 0.3, 1.0))
                image = 0.3 * solve(Problem(Identity((2, 20, 20)), weighed, GaussianNoise(1.0), found)).image[1]
            errors[name].append(float((image - clean[1]).norm()))
    assert min(errors["joint"]) < 0.9 * min(errors["apart"])


@pytest.mark.parametrize(
    ("settings", "shape", "sentence"),
    [
        ({"norm": "spectral"}, (2, 3, 3), "VectorialTV expects norm 'frobenius' or 'nuclear', got 'spectral'."),
        ({}, (4,), "VectorialTV takes images (channels, *shape), got shape (4,)."),
        (
            {"channel_weights": (1.0, 2.0)},
            (3, 4, 4),
            "VectorialTV has 2 channel_weights for images of 3 channels.",
        ),
        ({"channel_weights": (1.0, 0.0)}, (2, 4), "VectorialTV expects positive channel_weights, got (1.0, 0.0)."),
        (
            {"weights": torch.ones(3, 4, 4)},
            (3, 4, 4),
            "VectorialTV got weights of shape (3, 4, 4) for images of shape (4, 4).",
        ),
    ],
)
def test_what_is_refused(settings: dict[str, object], shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        VectorialTV(**settings).terms(shape)  # type: ignore[arg-type]
    assert str(caught.value) == sentence
