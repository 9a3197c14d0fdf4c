"""Weights of networks from local files."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def with_weights(
    module: M,
    path: str | Path,
    *,
    entry: str | None = None,
    prefix: str = "",
    only: Collection[str] | None = None,
) -> M:
    """A copy of ``module`` holding the weights of a local file, in evaluation mode.

    Files ``*.safetensors`` are read as such, others with ``torch.load(weights_only=True)``: neither can hold code.

    Parameters
    ----------
    path
        File of safetensors, or one written by ``torch.save``: a state dict, or a dict that holds one.
    entry
        Key of the state dict inside the file, for checkpoints that hold more.
    prefix
        Only weights whose names start so are taken, with it removed from their names.
    only
        Names in the file to take, ``prefix`` included; all by default.

    Errors: FileNotFoundError where there is no such file; ValueError where it is not a file of tensors, or where names
    or shapes do not fit the module.
    """
    return fitted(module, _select(read_tensors(path), path, entry, prefix, only), path)


def fitted(module: M, state: Mapping[str, Tensor], path: str | Path) -> M:
    """A copy of ``module`` with the weights ``state`` found in the file ``path``, in evaluation mode.

    Errors: ValueError where names or shapes do not fit the module.
    """
    owner = type(module).__name__
    clone = copy.deepcopy(module)
    wanted = {key: tuple(value.shape) for key, value in clone.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    problems = [
        *(f"{key} is missing" for key in wanted if key not in found),
        *(f"{key} is unknown" for key in found if key not in wanted),
        *(
            f"{key} is {found[key]}, expected {wanted[key]}"
            for key in wanted
            if found.get(key, wanted[key]) != wanted[key]
        ),
    ]
    if problems:
        more = f" and {len(problems) - 3} more differences" if len(problems) > 3 else ""
        raise ValueError(f"the weights in {path} do not fit {owner}: {'; '.join(problems[:3])}{more}.")
    clone.load_state_dict(state)
    return clone.eval()


def read_tensors(path: str | Path) -> Mapping[str, object]:
    """The dictionary in a file of safetensors or written by ``torch.save``, on the CPU, without running code."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no weights file {path}.")
    if Path(path).suffix == ".safetensors":
        return read_safetensors(path)[0]
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).strip().splitlines()
        raise ValueError(
            f"{path} is not a file of tensors written by torch.save: {reason[0] if reason else 'unreadable'}"
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}; expected a dictionary of tensors (a state dict).")
    return content


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors in a file of safetensors, on the CPU, and the words that stand at its head."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no weights file {path}.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is not a file of safetensors, or it is damaged: {error}.") from error


def _select(
    content: Mapping[str, object], path: str | Path, entry: str | None, prefix: str, only: Collection[str] | None
) -> dict[str, Tensor]:
    if entry is not None:
        inner = content.get(entry)
        if not isinstance(inner, Mapping):
            raise ValueError(f"{path} has no state dict named {entry!r}; it holds {_some(content)}.")
        content = inner
    taken = {key: value for key, value in content.items() if only is None or key in only}
    state = {key[len(prefix) :]: value for key, value in taken.items() if key.startswith(prefix)}
    if not state:
        raise ValueError(f"{path} has no weights whose names start with {prefix!r}; it holds {_some(content)}.")
    other = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if other:
        raise ValueError(
            f"{path} holds more than tensors ({', '.join(other[:3])}); name the state dict in it by entry."
        )
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}


def _some(content: Mapping[str, object]) -> str:
    keys = list(content)
    return ", ".join(map(repr, keys[:5])) + (", ..." if len(keys) > 5 else "")
