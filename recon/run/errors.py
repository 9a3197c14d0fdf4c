"""What can end an item or a run, besides errors in its description."""

from __future__ import annotations

import torch


class ItemError(Exception):
    """An item cannot be reconstructed, said in one sentence."""


class Interrupted(Exception):
    """The run was told to stop; what had been finished stays."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on whichever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("not enough memory" in text or "can't allocate memory" in text)
