import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from recon.priors import DiffusionUNet, EDMDiffusion, PretrainedDiffusion, save_diffusion
from recon.priors.learned.diffusion_file import read_diffusion

SETTINGS = {"widths": (8, 16), "embedding": 8, "groups": 4, "blocks": 2, "patch": 2}


@pytest.fixture
def prior() -> EDMDiffusion:
    torch.manual_seed(0)
    network = DiffusionUNet(**SETTINGS, sigma_data=0.6).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.normal_(0, 0.3)
    levels = {"sigma_data": 0.6, "sigma_min": 0.01, "sigma_max": 30.0}
    return EDMDiffusion(network, (8, 4), network_range=(-0.3, 1.7), value_range=(0, 2), **levels)


@pytest.fixture
def file(prior: EDMDiffusion, tmp_path: Path) -> Path:
    save_diffusion(prior, tmp_path / "mine.safetensors", dtype=torch.float32, notes={"licence": "CC0-1.0"})
    return tmp_path / "mine.safetensors"


def rewritten(file: Path, **head: str | None) -> Path:
    with safe_open(file, "pt") as content:
        words = {**content.metadata(), **head}
    save_file(load_file(file), file, {key: word for key, word in words.items() if word is not None})
    return file


def test_what_is_written_is_read(prior: EDMDiffusion, file: Path) -> None:
    again, u = PretrainedDiffusion(file), torch.randn(3, 8, 4)
    sigma = torch.tensor([0.01, 0.5, 10.0])
    assert torch.equal(again(u, sigma), prior(u, sigma))
    assert again.shape == (8, 4)
    assert again.value_range == (0.0, 2.0)
    assert again.sigma_range == pytest.approx(prior.sigma_range)
    torch.testing.assert_close(again.stops(5), prior.stops(5))
    with safe_open(file, "pt") as content:
        assert content.metadata()["licence"] == "CC0-1.0"


def test_half_precision_halves_the_file_and_is_near(prior: EDMDiffusion, file: Path, tmp_path: Path) -> None:
    save_diffusion(prior, tmp_path / "half.safetensors")
    sizes = [(tmp_path / name).stat().st_size for name in ("half.safetensors", "mine.safetensors")]
    assert sizes[0] < 0.62 * sizes[1]
    u, half = torch.randn(3, 8, 4), PretrainedDiffusion(tmp_path / "half.safetensors")
    assert half.network.network.enter.weight.dtype == torch.float32
    assert 0 < float((half(u, 0.5) - prior(u, 0.5)).abs().max()) < 5e-3


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return marker.touch, ()

    (tmp_path / "w.safetensors").write_bytes(pickle.dumps({"enter.weight": Evil()}, protocol=2))
    with pytest.raises(ValueError, match="is not a file of safetensors, or it is damaged"):
        PretrainedDiffusion(tmp_path / "w.safetensors")
    assert not marker.exists()


def test_damaged_files_are_refused(file: Path) -> None:
    whole = file.read_bytes()
    for content in (b"", b"not weights", whole[:100], whole[:-8], b"\xff" * 64 + whole):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"mine\.safetensors is not a file of safetensors, or it is damaged"):
            PretrainedDiffusion(file)


def test_other_files_are_refused(file: Path, tmp_path: Path) -> None:
    save_file({"weight": torch.ones(3)}, tmp_path / "other.safetensors")
    with pytest.raises(
        ValueError, match=r"is not a diffusion prior of recon: expected the format 'recon.*', found none"
    ):
        PretrainedDiffusion(tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="found 'recon diffusion prior 9'"):
        PretrainedDiffusion(rewritten(file, format="recon diffusion prior 9"))
    with pytest.raises(FileNotFoundError, match=r"there is no weights file .*none\.safetensors"):
        PretrainedDiffusion(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "head",
    [
        {"network": None},
        {"network": "{"},
        {"network": "[1, 2]"},
        {"network": json.dumps({"depth": 3})},
        {"network": json.dumps({"widths": [7]})},
        {"prior": json.dumps({"shape": [8, 4]})},
        {"prior": json.dumps({**dict.fromkeys(("sigma_data", "sigma_min", "sigma_max"), 1.0), "shape": [8.5, 4]})},
    ],
)
def test_heads_that_make_no_sense_are_refused(file: Path, head: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match=r"the head of .*mine\.safetensors does not describe a diffusion prior"):
        read_diffusion(rewritten(file, **head))


def test_weights_of_another_network_are_refused(file: Path) -> None:
    settings = json.dumps({**SETTINGS, "widths": [8, 24]})
    with pytest.raises(ValueError, match=r"do not fit DiffusionUNet: .*, expected"):
        read_diffusion(rewritten(file, network=settings))
    settings = json.dumps({**SETTINGS, "blocks": 1})
    with pytest.raises(ValueError, match=r"do not fit DiffusionUNet: down\.0\.1\..* is unknown"):
        read_diffusion(rewritten(file, network=settings))


def test_only_such_priors_are_written(prior: EDMDiffusion, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="with a DiffusionUNet, got function"):
        save_diffusion(EDMDiffusion(lambda x, c: x, (4, 4)), tmp_path / "f.safetensors")
    with pytest.raises(ValueError, match=r"a file \*\.safetensors, got .*f\.pt"):
        save_diffusion(prior, tmp_path / "f.pt")
