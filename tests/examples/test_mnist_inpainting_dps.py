import gzip
import runpy
import struct
import sys
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Random weights and two random digits, in the formats of the real ones."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from mnist_ddpm import DigitNetwork

    torch.manual_seed(0)
    network = DigitNetwork()
    assert sum(p.numel() for p in network.parameters()) == 146_961
    betas = torch.linspace(1e-4, 0.02, 1001)
    tensors = {f"gt.{key}": value for key, value in network.state_dict().items()}
    torch.save({**tensors, "beta_t": betas, "alpha_t": torch.cumprod(1 - betas, 0)}, tmp_path / "weights.pt")
    pixels = torch.randint(0, 256, (2, 28, 28), dtype=torch.uint8).numpy().tobytes()
    with gzip.open(tmp_path / "digits.gz", "wb") as file:
        file.write(struct.pack(">4i", 2051, 2, 28, 28) + pixels)
    return tmp_path / "weights.pt", tmp_path / "digits.gz"


@pytest.mark.parametrize("method", ["dps", "mmps"])
def test_the_example_runs_from_files_to_a_picture(files, tmp_path, monkeypatch, capsys, method) -> None:
    out = tmp_path / "out.png"
    options = ["--method", method, "--digits", "2", "--samples", "2", "--steps", "3", "--out", str(out)]
    script = str(EXAMPLES / "mnist_inpainting_dps.py")
    monkeypatch.setattr(sys, "argv", [script, *map(str, files), *options])
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out
    assert f"{method.upper()}, 3 steps, 2 digits × 2 samples" in said
    assert "complete: 4" in said
    assert out.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(sys, "argv", [script, *map(str, files), "--digits", "3"])
    with pytest.raises(SystemExit, match="is not an IDX file of at least 3 images"):
        runpy.run_path(script, run_name="__main__")
