"""What can end an item or a run, besides errors in its description."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from recon.config.errors import ConfigError


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


@contextmanager
def translated(device: torch.device, count: int) -> Iterator[None]:
    """Errors of a computation with so many items at a time as one sentence, an :class:`ItemError`."""
    try:
        yield
    except (ConfigError, ItemError, Interrupted):
        raise
    except Exception as error:
        if out_of_memory(error):
            advice = "lower batch_size or the size of the images" if count > 1 else "make the images smaller"
            raise ItemError(f"memory ran out on {device} with {count} at a time; {advice}.") from error
        sentence = " ".join(str(error).split()) or "no message"
        known = isinstance(error, ValueError | TypeError)
        raise ItemError(sentence if known else f"{type(error).__name__}: {sentence}") from error
