"""Counting what the host waits for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS = frozenset({"_local_scalar_dense", "nonzero", "equal", "masked_select", "_unique2"})
"""Operations whose result the host has to wait for."""


class HostReads(TorchDispatchMode):
    """Counts, while active, reads by the host, copies to it, and shapes that depend on values.

    It sees the operations that a GPU would have to be waited for on any device, so that it needs none.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func.overloadpacket.__name__, kwargs or {}
        masked = name.startswith("index") and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool
            for index in (args[1] if isinstance(args[1], (list, tuple)) else ())
        )
        to_host = name == "_to_copy" and str(kwargs.get("device")) == "cpu"
        if name in READS or masked or to_host:
            self.counts[name] += 1
        return func(*args, **kwargs)
