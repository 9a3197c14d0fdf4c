"""Parameters to differentiate by: a tensor, several, or those of a network."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Parameters = Tensor | Sequence[Tensor] | Mapping[str, Tensor] | nn.Module
Theta = TypeVar("Theta", bound=Parameters)


def values(theta: Parameters) -> list[Tensor]:
    """The tensors in order; of a module, its parameters that require gradients."""
    if isinstance(theta, Tensor):
        found = [theta]
    elif isinstance(theta, nn.Module):
        found = [p for p in theta.parameters() if p.requires_grad]
    elif isinstance(theta, Mapping):
        found = list(theta.values())
    elif isinstance(theta, Sequence) and not isinstance(theta, str):
        found = list(theta)
    else:
        found = []
    if not found or not all(isinstance(t, Tensor) and (t.is_floating_point() or t.is_complex()) for t in found):
        raise TypeError(
            "theta is expected to be a floating-point tensor, a list or a mapping of them, or a module with parameters "
            f"that require gradients, got {type(theta).__name__}."
        )
    return found


def leaves(theta: Theta) -> Theta:
    """θ as leaves that require gradients: what already is one, and a module, as it is; copies of other tensors."""
    if isinstance(theta, nn.Module):
        values(theta)
        return theta
    return rebuilt(theta, [t if t.requires_grad and t.is_leaf else _leaf(t) for t in values(theta)])


def rebuilt(theta: Theta, tensors: Sequence[Tensor]) -> Theta:
    """Something laid out like θ with other tensors; a module is copied."""
    if isinstance(theta, nn.Module):
        module = copy.deepcopy(theta)
        with torch.no_grad():
            for parameter, value in zip(values(module), tensors, strict=True):
                parameter.copy_(value)
        return module
    return arranged(theta, tensors)  # type: ignore[return-value]


def arranged(theta: Parameters, tensors: Sequence[Tensor]) -> Tensor | Sequence[Tensor] | Mapping[str, Tensor]:
    """Tensors laid out like θ; for a module, by the names of its parameters."""
    if isinstance(theta, Tensor):
        return tensors[0]
    if isinstance(theta, nn.Module):
        return dict(zip(_names(theta), tensors, strict=True))
    if isinstance(theta, Mapping):
        return dict(zip(theta, tensors, strict=True))
    return tuple(tensors) if isinstance(theta, tuple) else list(tensors)


def _names(module: nn.Module) -> Iterator[str]:
    return (name for name, p in module.named_parameters() if p.requires_grad)


def _leaf(t: Tensor) -> Tensor:
    return t.detach().clone().requires_grad_()
