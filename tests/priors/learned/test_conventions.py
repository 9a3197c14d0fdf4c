"""One Gaussian in every convention: networks that are its exact ε, v, score, velocity, F and D give one D(u, σ)."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from recon.priors import DiffusionPrior, EDMDiffusion, FlowMatching, GaussianPrior, VEDiffusion, VPDiffusion
from recon.priors.learned.alphas import alphas_of

SHAPE, SIZE = (3, 4), 12
ROOT = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
C = 0.2 * ROOT @ ROOT.T / SIZE + 0.01 * torch.eye(SIZE, dtype=torch.float64)
MEAN = torch.linspace(-0.6, 0.4, SIZE, dtype=torch.float64)
RANGES = [((0.0, 1.0), (-1.0, 1.0)), ((0.0, 1.0), (0.0, 1.0)), ((-3.0, 5.0), (0.0, 255.0))]


def regression(x: Tensor, a: Tensor, b: Tensor, image: Tensor | float, noise: Tensor | float) -> Tensor:
    """E[image·x₀ + noise·z | a x₀ + b z = x] for x₀ ~ N(MEAN, C), one value of a, b, image and noise an item."""
    eye = torch.eye(SIZE, dtype=torch.float64)
    wide = [torch.as_tensor(v, dtype=torch.float64).reshape(-1, 1, 1) for v in (a, b, image, noise)]
    a, b, image, noise = wide
    gain = (image * a * C + noise * b * eye) @ torch.linalg.inv(a**2 * C + b**2 * eye)
    flat = x.reshape(len(x), SIZE, 1).double()
    return (image * MEAN[:, None] + gain @ (flat - a * MEAN[:, None])).reshape(x.shape).to(x)


def level_of(index: Tensor, alphas: Tensor) -> Tensor:
    """s at a fractional index, linear in its logarithm."""
    logs = ((1 - alphas) / alphas).sqrt().log()
    left = index.double().floor().long().clamp(0, len(logs) - 2)
    return torch.lerp(logs[left], logs[left + 1], index.double() - left).exp()


def vp(prediction: str, alphas: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    def network(x: Tensor, t: Tensor) -> Tensor:
        s = level_of(t, alphas)
        a, b = 1 / (1 + s**2).sqrt(), s / (1 + s**2).sqrt()
        image, noise = {"epsilon": (0.0, 1.0), "v": (-b, a), "x0": (1.0, 0.0), "score": (0.0, -1 / b)}[prediction]
        return regression(x, a, b, image, noise)

    return network


def ve(prediction: str, condition: str) -> Callable[[Tensor, Tensor], Tensor]:
    def network(x: Tensor, c: Tensor) -> Tensor:
        ladder = torch.linspace(0, 999, 1000, dtype=torch.float64)
        index = (0.01 * 5000 ** (ladder / 999)).log()
        s = {"sigma": c, "log_sigma": c.exp()}.get(condition)
        if s is None:
            down = (999 - c).clamp(0, 999)
            left = down.floor().long().clamp(0, 998)
            s = torch.lerp(index[left], index[left + 1], down - left).exp()
        image, noise = {"epsilon": (0.0, 1.0), "x0": (1.0, 0.0), "score": (0.0, -1 / s)}[prediction]
        return regression(x, torch.ones_like(s), s, image, noise)

    return network


def flow(prediction: str, image_at: int, scale: float) -> Callable[[Tensor, Tensor], Tensor]:
    def network(x: Tensor, t: Tensor) -> Tensor:
        t = t / scale
        a, b = (1 - t, t) if image_at == 0 else (t, 1 - t)
        sign = 1.0 if image_at == 0 else -1.0
        image, noise = {"velocity": (-sign, sign), "x0": (1.0, 0.0), "epsilon": (0.0, 1.0)}[prediction]
        return regression(x, a, b, image, noise)

    return network


def edm(preconditioned: bool) -> Callable[[Tensor, Tensor], Tensor]:
    def network(x: Tensor, c: Tensor) -> Tensor:
        if preconditioned:
            return regression(x, torch.ones_like(c), c, 1.0, 0.0)
        s, d = (4 * c).exp(), 0.5
        width = (s**2 + d**2).sqrt()
        # F is the regression of its training target (x₀ − c_skip n)/c_out on x = c_in n
        skip, out = d**2 / width**2, s * d / width
        return regression(x, 1 / width, s / width, (1 - skip) / out, -skip * s / out)

    return network


def wrapped(value_range, network_range) -> Iterator[tuple[str, DiffusionPrior]]:
    ranges = {"value_range": value_range, "network_range": network_range}
    for schedule in ("linear", "scaled_linear", "cosine", "continuous"):
        alphas = alphas_of(schedule, (1e-4, 0.02), 1000)
        for prediction in ("epsilon", "v", "x0", "score"):
            network = vp(prediction, alphas)
            yield (
                f"VP {schedule} {prediction}",
                VPDiffusion(network, SHAPE, prediction=prediction, beta_schedule=schedule, **ranges),
            )
    for condition in ("sigma", "log_sigma", "index"):
        down = {"first_index": 999.0, "index_step": -1.0} if condition == "index" else {}
        for prediction in ("score", "epsilon", "x0"):
            network = ve(prediction, condition)
            yield (
                f"VE {condition} {prediction}",
                VEDiffusion(network, SHAPE, prediction=prediction, condition=condition, **down, **ranges),
            )
    for image_at, scale in ((0, 1.0), (0, 1000.0), (1, 1.0)):
        for prediction in ("velocity", "x0", "epsilon"):
            network = flow(prediction, image_at, scale)
            yield (
                f"flow {image_at} {prediction}",
                FlowMatching(network, SHAPE, prediction=prediction, image_at=image_at, time_scale=scale, **ranges),
            )
    for preconditioned in (False, True):
        yield (
            f"EDM {preconditioned}",
            EDMDiffusion(edm(preconditioned), SHAPE, preconditioned=preconditioned, **ranges),
        )


@pytest.mark.parametrize(("value_range", "network_range"), RANGES)
def test_all_conventions_give_the_denoiser_of_the_gaussian(value_range, network_range) -> None:
    scale = (network_range[1] - network_range[0]) / (value_range[1] - value_range[0])
    shift = network_range[0] - scale * value_range[0]
    wanted = GaussianPrior(((MEAN - shift) / scale).reshape(SHAPE), covariance=C / scale**2, shape=SHAPE)
    sigma = torch.tensor([0.0123, 0.1, 0.777, 5.5, 30.0], dtype=torch.float64) / scale
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(5, *SHAPE, generator=generator, dtype=torch.float64)
    u = wanted.mean + sigma[:, None, None] * z
    D = wanted(u, sigma)
    seen = 0
    for name, prior in wrapped(value_range, network_range):
        error = float((prior(u, sigma) - D).abs().max()) * scale
        assert error < 1e-6, f"{name} is off by {error:.2g}"
        alone = prior(u[2], float(sigma[2]))
        torch.testing.assert_close(alone, D[2], rtol=0, atol=1e-6 / scale)
        assert prior.value_range == value_range
        seen += 1
    assert seen == 16 + 9 + 9 + 2


@pytest.mark.parametrize("differentiable", [True, False])
@pytest.mark.parametrize("sigma", [[0.05, 3.0], [0.7, 0.7]], ids=["of each", "shared"])
def test_derivatives_agree_too(sigma, differentiable) -> None:
    """Of all that is between image and network, and of the network alone."""
    wanted = GaussianPrior((MEAN.reshape(SHAPE) + 1) / 2, covariance=C / 4, shape=SHAPE)
    levels = torch.tensor(sigma, dtype=torch.float64)
    u, w = torch.randn(2, 2, *SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    mean, pulled = wanted(u, levels), wanted.linearise(u, levels).pullback(w)
    for name, prior in wrapped((0.0, 1.0), (-1.0, 1.0)):
        with torch.set_grad_enabled(differentiable):
            found = prior.linearise(u, levels)
            error = max(float((found.pullback(w) - pulled).abs().max()), float((found.mean - mean).abs().max()))
        assert error < 1e-6, f"{name} or its derivative is off by {error:.2g}"
        with torch.no_grad():
            once = prior.linearise(u, levels, once=True).pullback(w)
        torch.testing.assert_close(once, pulled, rtol=0, atol=1e-6)


def test_signal_levels_are_those_of_their_papers() -> None:
    i = torch.arange(1000, dtype=torch.float64)
    linear = torch.cumprod(1 - (1e-4 + i / 999 * (0.02 - 1e-4)), 0)
    torch.testing.assert_close(alphas_of("linear", (1e-4, 0.02), 1000), linear)
    roots = 0.00085**0.5 + i / 999 * (0.012**0.5 - 0.00085**0.5)
    torch.testing.assert_close(alphas_of("scaled_linear", (0.00085, 0.012), 1000), torch.cumprod(1 - roots**2, 0))
    f = torch.cos((i[:-1] / 1000 + 0.001 + 0.008) / 1.008 * torch.pi / 2) ** 2
    cosine = alphas_of("cosine", (0.1, 0.2), 1000)
    torch.testing.assert_close(cosine[:-1], f / torch.cos(torch.tensor(0.008 / 1.008 * torch.pi / 2)).double() ** 2)
    assert float(cosine[-1] / cosine[-2]) == pytest.approx(1e-3)  # β is cut at 0.999
    continuous = alphas_of("continuous", (1e-4, 0.02), 1000)
    t = torch.tensor([0.001, 0.5, 1.0], dtype=torch.float64)
    torch.testing.assert_close(continuous[[0, 499, 999]], (-0.1 * t - t**2 * (20 - 0.1) / 2).exp())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda f: VPDiffusion(f, SHAPE, prediction="eps"),
            "among 'epsilon', 'v', 'x0', 'score', got 'eps'",
        ),
        (lambda f: VPDiffusion(f, SHAPE, beta_schedule="sigmoid"), "beta_schedule among 'linear'"),
        (lambda f: VEDiffusion(f, SHAPE, prediction="v"), "prediction among 'score', 'epsilon', 'x0', got 'v'"),
        (lambda f: VEDiffusion(f, SHAPE, condition="t"), "condition among 'sigma', 'log_sigma', 'index', got 't'"),
        (lambda f: VEDiffusion(f, SHAPE, train_levels=torch.zeros(3)), "at least two different positive numbers"),
        (lambda f: VEDiffusion(f, SHAPE, sigma_min=2.0, sigma_max=1.0), "0 < sigma_min < sigma_max"),
        (lambda f: FlowMatching(f, SHAPE, prediction="v"), "prediction among 'velocity', 'x0', 'epsilon', got 'v'"),
        (lambda f: FlowMatching(f, SHAPE, image_at=2), "image_at among 0, 1, got 2"),
        (lambda f: FlowMatching(f, SHAPE, image_at=True), "image_at among 0, 1, got True"),
        (lambda f: FlowMatching(f, SHAPE, most_noise=1.0), "most_noise < 1"),
    ],
)
def test_unknown_conventions_get_one_sentence(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(lambda x, t: x)


def test_a_last_level_of_pure_noise_is_left_out() -> None:
    alphas = torch.tensor([0.9, 0.5, 0.1, 0.0])
    prior = VPDiffusion(lambda x, t: 0 * x, SHAPE, prediction="v", alphas_cumprod=alphas, value_range=(-1, 1))
    torch.testing.assert_close(
        prior.levels, torch.tensor([1 / 9, 1.0, 9.0], dtype=torch.float64).sqrt(), rtol=1e-6, atol=0
    )
