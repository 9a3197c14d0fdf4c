"""Components of other packages in jobs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recon.config.errors import ConfigError
from recon.config.resolve import load_job
from recon.files import Item
from recon.run.prepare import Case, Workshop

JOB = """\
recon: 1
input: {name: numpy, path: x.npy}
operator: OPERATOR
prior: PRIOR
solver: pnp_admm
"""
MINE = """
import torch
from torch import nn
from recon.priors import TotalVariation


def shrink(x, sigma):
    return x / (1 + sigma**2)


def scaled(factor):
    return lambda x, sigma: factor * x


class Net(nn.Module):
    def __init__(self, gain: float = 1.0):
        super().__init__()
        self.dropout, self.gain = nn.Dropout(0.5), gain

    def forward(self, x, sigma):
        return self.gain * self.dropout(x)


class Mine(TotalVariation):
    def __init__(self, strength: float):
        super().__init__(10 * strength)


ready = Mine(0.5)
"""


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Case]:
    """``case(prior=..., operator=...)``: an item of 6 × 8 with what a job makes for it."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((6, 8)))
    Path("mine.py").write_text(MINE)

    def _case(prior: str = "tv", operator: str = "identity", data: torch.Tensor | None = None, **meta: Any) -> Case:
        Path("job.yaml").write_text(JOB.replace("OPERATOR", operator).replace("PRIOR", prior))
        item = Item("x", "x.npy", torch.ones(6, 8) if data is None else data, meta=meta)
        return Workshop(load_job(Path("job.yaml")), torch.float32).case(item)

    return _case


def test_a_subclass_in_a_file_is_a_component(case: Callable[..., Case]) -> None:
    prior: Any = case("{name: mine.py:Mine, strength: 2}").prior
    assert (type(prior).__name__, prior.lam) == ("Mine", 20)


def test_an_object_is_used_as_it_is(case: Callable[..., Case]) -> None:
    prior: Any = case("mine.py:ready").prior
    assert prior.lam == 5
    with pytest.raises(ConfigError) as error:
        case("{name: mine.py:ready, strength: 2}")
    assert str(error.value) == "job.yaml:4:30: prior 'mine.py:ready' takes no 'strength'; it is used as it is."


def test_functions_and_networks_become_denoisers(case: Callable[..., Case]) -> None:
    x = torch.full((6, 8), 2.0)
    priors = {
        "mine.py:shrink": 1.0,
        "{name: mine.py:scaled, factor: 3}": 6.0,
        "{name: mine.py:Net, gain: 4}": 8.0,
        "{name: denoiser, denoiser: {name: mine.py:Net, gain: 4}, sigma: 0.3}": 8.0,
    }
    for text, expected in priors.items():
        prior: Any = case(text).prior
        assert torch.equal(prior.denoise(x, 1.0), torch.full_like(x, expected)), text
    prior = case("{name: denoiser, denoiser: mine.py:shrink, sigma: 0.3}").prior
    assert prior.sigma == 0.3


def test_a_network_of_deepinv_sees_channels(case: Callable[..., Case]) -> None:
    network = "{name: deepinv.models.DnCNN, in_channels: 1, out_channels: 1, depth: 3, nf: 4, pretrained: null}"
    for text in (network, f"{{name: denoiser, denoiser: {network}}}"):
        prior: Any = case(text).prior
        out = prior.denoise(torch.rand(2, 6, 8), 0.1)
        assert out.shape == (2, 6, 8)
    with pytest.raises(ConfigError) as error:
        case("{name: deepinv.models.DnCNN, in_chanels: 1}")
    message = "prior 'deepinv.models.DnCNN' takes no 'in_chanels'; did you mean 'in_channels'?"
    assert str(error.value) == f"job.yaml:4:37: {message}"


def test_colours_stay_together_where_the_network_takes_three(case: Callable[..., Case]) -> None:
    colours = torch.rand(3, 6, 8)
    network = "{name: deepinv.models.DnCNN, in_channels: 3, out_channels: 3, depth: 3, nf: 4, pretrained: null}"
    together = case(network, data=colours, color="rgb")
    assert (together.lead, together.operator.domain_shape) == ((), (3, 6, 8))
    apart = case("tv", data=colours, color="rgb")
    assert (apart.lead, apart.operator.domain_shape, len(apart.data)) == ((3,), (6, 8), 3)


def test_a_physics_of_deepinv_is_an_operator(case: Callable[..., Case]) -> None:
    inpainting = "{name: deepinv.physics.Inpainting, img_size: [1, 6, 8], mask: 0.5}"
    found = case("tv", inpainting)
    assert found.operator.domain_shape == (6, 8)
    once = found.operator(torch.ones(6, 8))
    assert set(once.unique().tolist()) == {0.0, 1.0}
    sized = case("tv", inpainting.replace("img_size", "domain_shape: [6, 8], img_size"))
    assert sized.operator.range_shape == (6, 8)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("json.nothing", "job.yaml:4:8: json has no 'nothing'."),
        ("decimal.Context", "job.yaml:4:8: 'decimal.Context' is no prior: expected Prior, got Context."),
        ("{name: fractions.Fraction, x: 1}", "job.yaml:4:15: prior 'fractions.Fraction' cannot be made: "),
        ("{name: mine.py:Mine, strength: -1}", "job.yaml:4:8: Mine expects a positive lam, got -10.0."),
    ],
)
def test_what_cannot_be_used_is_said(case: Callable[..., Case], prior: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        case(prior)
    assert str(error.value).startswith(message)


def test_errors_of_an_import_are_told(case: Callable[..., Case]) -> None:
    Path("broken.py").write_text("import no_such_package_at_all\nclass Thing: ...\n")
    with pytest.raises(ConfigError) as error:
        case("broken.py:Thing")
    assert str(error.value).endswith(
        "cannot be imported: ModuleNotFoundError: No module named 'no_such_package_at_all'"
    )
