"""What is shipped, and how it is loaded; how well it does is tested in tests/data/test_diffusion_training.py."""

import json
import pickle
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import torch
from safetensors import safe_open

from recon.priors import PretrainedDiffusion
from recon.priors.learned.pretrained_diffusion import FOLDER, SHIPPED

SHAPES = {"phantom_slices": (64, 64), "small_images": (32, 32)}


def test_every_model_has_a_card_and_is_small() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(
        f"{name}.{ending}" for name in SHIPPED for ending in ("md", "safetensors")
    )
    for name in SHIPPED:
        assert (FOLDER / f"{name}.safetensors").stat().st_size < 10_000_000
        card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        for word in ("CC0", f"python data/train_diffusion.py {name}", "Wiener"):
            assert word in card


def test_names_in_jobs_are_those_of_the_files() -> None:
    hint = get_type_hints(PretrainedDiffusion.__init__)["model"]
    assert get_args(get_args(hint)[0]) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_files_hold_numbers_and_words_only(name: str) -> None:
    content = (FOLDER / f"{name}.safetensors").read_bytes()
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert head["__metadata__"]["licence"] == "CC0-1.0"
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        assert all(torch.isfinite(file.get_tensor(key)).all() for key in file.keys())  # noqa: SIM118


@pytest.mark.parametrize("name", SHIPPED)
def test_a_name_gives_a_prior(name: str) -> None:
    prior = PretrainedDiffusion(name)
    assert prior.shape == SHAPES[name]
    assert prior.value_range == (0.0, 1.0)
    assert prior.sigma == 0.05
    assert prior.sigma_range[0] < 0.003
    assert prior.sigma_range[1] > 10
    assert not any(parameter.requires_grad for parameter in prior.network.network.parameters())
    again, u = pickle.loads(pickle.dumps(prior)), torch.rand(*SHAPES[name])
    assert torch.equal(again(u, 0.1), prior(u, 0.1))


def test_loading_draws_no_random_numbers() -> None:
    state = torch.random.get_rng_state()
    PretrainedDiffusion("small_images")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_other_units_of_images_are_taken() -> None:
    prior, attenuation = PretrainedDiffusion("small_images"), PretrainedDiffusion("small_images", value_range=(0, 0.05))
    u = torch.rand(32, 32, dtype=torch.float64)
    torch.testing.assert_close(attenuation(0.05 * u, 0.05 * 0.2), 0.05 * prior(u, 0.2), rtol=1e-5, atol=1e-7)
    assert attenuation.sigma == pytest.approx(0.0025)


def test_complex_images() -> None:
    u = torch.randn(2, 32, 32, dtype=torch.complex64)
    with pytest.raises(TypeError, match="is a prior for real images, got complex64"):
        PretrainedDiffusion("small_images")(u, 0.1)
    plain = PretrainedDiffusion("small_images")
    real = PretrainedDiffusion("small_images", complex_as="real")
    parts = PretrainedDiffusion("small_images", complex_as="parts")
    mean = real(u, torch.tensor([0.1, 0.4]))
    assert torch.equal(mean.imag, torch.zeros(2, 32, 32))
    torch.testing.assert_close(mean.real, plain(u.real, torch.tensor([0.1, 0.4])))
    torch.testing.assert_close(parts(u, 0.1), torch.complex(plain(u.real, 0.1), plain(u.imag, 0.1)))
    _, pullback = real.linearise(u, 0.1)
    w = torch.randn(2, 32, 32, dtype=torch.complex64)
    assert torch.equal(pullback(w).imag, torch.zeros(2, 32, 32))
    torch.testing.assert_close(pullback(w).real, plain.linearise(u.real, 0.1).pullback(w.real))


def test_other_sizes_are_taken_where_they_can_be() -> None:
    assert PretrainedDiffusion("small_images", shape=(48, 64))(torch.rand(48, 64), 0.1).shape == (48, 64)
    with pytest.raises(
        ValueError, match=r"sides that are multiples of 8 for the model 'small_images', got shape \(30,"
    ):
        PretrainedDiffusion("small_images", shape=(30, 32))
    with pytest.raises(ValueError, match="sides that are multiples of 8"):
        PretrainedDiffusion("small_images", shape=(32,))


def test_errors() -> None:
    with pytest.raises(FileNotFoundError, match="no model 'cats': recon has 'phantom_slices' and 'small_images'"):
        PretrainedDiffusion(Path("cats"))
    with pytest.raises(ValueError, match="complex_as 'refuse', 'parts' or 'real', got 'magnitude'"):
        PretrainedDiffusion("small_images", complex_as="magnitude")
    with pytest.raises(ValueError, match=r"value_range = \(low, high\) with low < high"):
        PretrainedDiffusion("small_images", value_range=(1, 0))
