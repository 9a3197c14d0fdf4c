import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from recon.priors import with_weights


@pytest.fixture
def module() -> nn.Module:
    return nn.Linear(2, 3)


def test_a_nested_and_prefixed_state_dict_is_found(tmp_path, module) -> None:
    tensors = {"net.weight": torch.ones(3, 2), "net.bias": torch.arange(3.0), "other.x": torch.zeros(1)}
    torch.save({"epoch": 4, "model": tensors}, tmp_path / "w.pt")
    before = module.weight.clone()
    loaded = with_weights(module.train(), tmp_path / "w.pt", entry="model", prefix="net.")
    assert torch.equal(loaded.weight, torch.ones(3, 2))
    assert torch.equal(loaded.bias, torch.arange(3.0))
    assert not loaded.training
    assert torch.equal(module.weight, before)
    assert module.training


def test_errors_say_what_does_not_fit(tmp_path, module) -> None:
    file = tmp_path / "w.pt"
    with pytest.raises(FileNotFoundError, match=r"there is no weights file .*w\.pt"):
        with_weights(module, file)
    torch.save({"weight": torch.ones(3, 2), "bias": torch.zeros(3), "extra": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match="do not fit Linear: extra is unknown"):
        with_weights(module, file)
    with pytest.raises(ValueError, match=r"no state dict named 'model'; it holds 'weight', 'bias', 'extra'"):
        with_weights(module, file, entry="model")
    with pytest.raises(ValueError, match=r"no weights whose names start with 'net\.'"):
        with_weights(module, file, prefix="net.")
    torch.save({"model": {}, "epoch": 3}, file)
    with pytest.raises(ValueError, match="holds more than tensors"):
        with_weights(module, file)
    torch.save([torch.ones(1)], file)
    with pytest.raises(ValueError, match="holds a list; expected a dictionary"):
        with_weights(module, file)
    file.write_text("not a checkpoint")
    with pytest.raises(ValueError, match=r"is not a file of tensors written by torch\.save"):
        with_weights(module, file)


def test_code_in_a_file_is_not_run(tmp_path, module) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return marker.touch, ()

    (tmp_path / "w.pt").write_bytes(pickle.dumps({"weight": Evil()}, protocol=2))
    with pytest.raises(ValueError, match="is not a file of tensors"):
        with_weights(module, tmp_path / "w.pt")
    assert not marker.exists()


def test_safetensors_are_read_too(tmp_path, module) -> None:
    save_file({"net.weight": torch.ones(3, 2), "net.bias": torch.arange(3.0)}, tmp_path / "w.safetensors")
    loaded = with_weights(module, tmp_path / "w.safetensors", prefix="net.")
    assert torch.equal(loaded.bias, torch.arange(3.0))
    (tmp_path / "w.safetensors").write_text("not a checkpoint")
    with pytest.raises(ValueError, match="is not a file of safetensors, or it is damaged"):
        with_weights(module, tmp_path / "w.safetensors")
