"""What makes two runs of an item the same: the job, the contents of its files, and the version of this program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import recon
from recon.config.resolve import JobSpec
from recon.config.values import arrays, components, foreign, paths
from recon.files import ItemRef
from recon.run.arrays import digest

WHERE = ("device", "batch_size", "chunk")
"""Keys of a job that say where to compute and how much at once, not what."""


def job_key(job: JobSpec) -> str:
    """A fingerprint of everything that decides a job's results: what it says, its code in files, and our version."""
    return hash_texts([recon.__version__, description_key(job), *map(file_key, _code_files(job))])


def description_key(job: JobSpec) -> str:
    """A fingerprint of what a job says, with the contents of files, not where they lie; of no code."""
    files = [spec.value for spec in arrays(job.spec) if spec.source == "file"]
    files += [path for owner, _, path in paths(job.spec.params) if owner is not job.input]
    content = {key: value for key, value in job.plain().items() if key not in WHERE}
    content["output"].pop("path")
    for key in ("path", "truth"):
        content["input"].pop(key, None)
    content = _without(content, {str(path.absolute()): path.name for path in [*files, *_code_files(job)]})
    return hash_texts([json.dumps(content, sort_keys=True, default=str), *map(file_key, files)])


def _code_files(job: JobSpec) -> list[Path]:
    """The Python files from which the job takes components."""
    named = [*(spec.path for spec in components(job.spec.params)), *(spec.path for spec in foreign(job.spec.params))]
    return [Path(path.rpartition(":")[0]) for path in named if ":" in path]


def _without(value: Any, names: dict[str, str]) -> Any:
    """The value with full paths cut down to names."""
    if isinstance(value, dict):
        return {key: _without(entry, names) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without(entry, names) for entry in value]
    return names.get(value, value) if isinstance(value, str) else value


def item_key(job: str, ref: ItemRef) -> str:
    """The fingerprint of one item of a job."""
    return hash_texts([job, ref.id, *(file_key(path) for path in ref.files)])


def file_key(path: Path) -> str:
    """A fingerprint of what a file holds, or all files of a folder."""
    if path.is_dir():
        return hash_texts(f"{inner.name} {file_key(inner)}" for inner in sorted(path.iterdir()))
    status = path.stat()
    return _file_key(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _file_key(path: Path, modified: int, size: int) -> str:
    return digest(path)


def hash_texts(texts: Iterable[str]) -> str:
    """One digest of some texts, in order."""
    hasher = hashlib.blake2b(digest_size=16)
    for text in texts:
        hasher.update(text.encode() + b"\0")
    return hasher.hexdigest()
