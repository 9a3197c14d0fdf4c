"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from recon.files.item import DataError


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A name beside ``target``, in a folder that exists; what is written there becomes the target when the block ends.

    Where the block fails the target stays as it was.

    Raises
    ------
    DataError
        If something cannot be written: a full disk, a read-only folder.
    """
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written ({error.strerror or error}).") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all; a :class:`DataError` if that is not possible."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
