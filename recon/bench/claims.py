"""Notes of what is being worked at."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from recon.bench.atomic import StoreError


class Claims:
    """Files ``claims/KEY`` in a run's folder, with host and process of whoever works at something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim(self, key: str) -> None:
        """Leave a note that this process works at something; nothing depends on it."""
        try:
            (self.folder / "claims" / key).write_text(f"{socket.gethostname()} {os.getpid()}")
        except OSError as error:
            path = self.folder / "claims" / key
            raise StoreError(f"{path} cannot be written ({error.strerror}); what is complete stays.") from error

    def release(self, key: str) -> None:
        """Take the note away."""
        (self.folder / "claims" / key).unlink(missing_ok=True)

    def claims(self) -> list[str]:
        """Keys of what is being worked at, or was when a process died."""
        return listed(self.folder / "claims")

    def taken(self, key: str) -> bool:
        """Whether another process works at something: one that runs here, or one of another machine, dead or alive."""
        try:
            host, _, process = (self.folder / "claims" / key).read_text().rpartition(" ")
        except OSError:
            return False
        if host != socket.gethostname() or not process.isdecimal():
            return bool(host)
        return int(process) != os.getpid() and _runs(int(process))


def listed(folder: Path) -> list[str]:
    """Names of what is in a folder, in order; none where it is not there."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
