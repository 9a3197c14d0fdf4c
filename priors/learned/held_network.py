"""A network kept where images are: on their device, in the precision asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from recon.operators.network_copies import copy_at

Precision = Literal["weights", "bfloat16", "float16"]


class HeldNetwork:
    """(x, ...) ↦ network(x, ...) on tensors with one batch dimension.

    The network computes in the precision of its weights, or autocasts from single to half precision, and the result
    comes back in the precision of x. It runs on the device of x; where its weights lie elsewhere or have another
    precision, on a copy made at the first call and after weights have changed. Levels keep single precision at least:
    half of it cannot tell step 998 of a process from step 999.

    Parameters
    ----------
    network
        An ``nn.Module`` or another callable.
    owner
        Name used in errors.
    precision
        ``"weights"``, or ``"bfloat16"`` or ``"float16"`` to autocast; weights in half precision autocast to theirs.
    """

    def __init__(self, network: Callable[..., Tensor], owner: str, precision: Precision = "weights") -> None:
        if precision not in get_args(Precision):
            known = ", ".join(map(repr, get_args(Precision)))
            raise ValueError(f"{owner} expects precision among {known}, got {precision!r}.")
        self.network, self.owner = network, owner
        self.precision: Precision = precision
        check_mode(network, owner)

    def run(self, x: Tensor, *levels: object) -> Tensor:
        """The network's output; levels that are tensors of floating numbers are brought to its precision."""
        weights = self._weights()
        half = self._half(weights)
        network = self._at(x.device, half is not None, weights)
        dtype = torch.float32 if half is not None else x.dtype if weights is None else weights.dtype
        given = [
            level.to(device=x.device, dtype=dtype) if isinstance(level, Tensor) and level.is_floating_point() else level
            for level in levels
        ]
        if half is None:
            out = network(x.to(dtype), *given)
        else:
            with torch.autocast(x.device.type, dtype=half):
                out = network(x.to(dtype), *given)
        if not isinstance(out, Tensor):
            raise TypeError(f"{self.owner}: the network returned {type(out).__name__}, expected a tensor.")
        return out if out.is_complex() else out.to(x.dtype)

    def _half(self, weights: Tensor | None) -> torch.dtype | None:
        """The precision to which the network autocasts, None where it does not."""
        if self.precision != "weights":
            return torch.bfloat16 if self.precision == "bfloat16" else torch.float16
        return None if weights is None or weights.dtype not in (torch.bfloat16, torch.float16) else weights.dtype

    def _at(self, device: torch.device, single: bool = False, weights: Tensor | None = None) -> Any:
        weights = self._weights() if weights is None else weights
        if weights is None:
            return self.network
        dtype = torch.float32 if single else weights.dtype
        if (weights.device, weights.dtype) == (device, dtype):
            return self.network
        return copy_at(self.network, dtype, device, self.__dict__.setdefault("_copies", {}))  # type: ignore[arg-type]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_copies", "_place")}

    def _weights(self) -> Tensor | None:
        """A floating-point parameter or buffer, by which a module's device and precision are known."""
        place: tuple[Mapping[str, Tensor | None], str] | None = self.__dict__.get("_place")
        found = None if place is None else place[0].get(place[1])
        if found is None and isinstance(self.network, nn.Module):
            tensors = chain(self.network.parameters(), self.network.buffers())
            found = next((t for t in tensors if t.is_floating_point()), None)
            self.__dict__["_place"] = _registered(self.network, found)
        return found


def _registered(network: nn.Module, tensor: Tensor | None) -> tuple[Mapping[str, Tensor | None], str] | None:
    """The dictionary in which a tensor of a module is found more quickly the next time, and its name there."""
    for module in network.modules():
        for place in (module._parameters, module._buffers):
            if isinstance(place, dict):
                for name, other in place.items():
                    if other is tensor and tensor is not None:
                        return place, name
    return None


def check_mode(network: object, owner: str) -> None:
    """Refuse a module in which items of a batch would depend on each other, or calls on chance."""
    if not isinstance(network, nn.Module):
        return
    for module in network.modules():
        coupled = isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd))
        if coupled and module.training:
            raise ValueError(
                f"{owner} got a network with {type(module).__name__} in training mode, where images of a batch "
                "are not independent; call .eval() on it first."
            )
