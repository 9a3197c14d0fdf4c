"""Finding files, ordering them as people do, and naming items after them."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from recon.files.item import DataError

_DOUBLE = re.compile(r"\.(nii\.gz|fits\.gz|fits\.fz|zarr\.zip)$", re.IGNORECASE)
"""Endings of two parts."""


def natural_key(text: str | Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which ``scan2`` comes before ``scan10``, whatever the case of the letters."""
    parts = re.split(r"(\d+)", str(text).casefold())
    numbers = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return (*numbers, (-1, 0, str(text)))


def find_files(path: str, suffixes: Sequence[str], whole: Callable[[Path], bool] = lambda folder: False) -> list[Path]:
    """The files that ``path`` names, in natural order.

    Parameters
    ----------
    path
        A file, a folder (its files with one of the suffixes, subfolders and hidden files left out), or a pattern with
        ``*``, ``?``, ``[...]`` or ``**``.
    suffixes
        Endings that count in a folder, in lower case and with the dot.
    whole
        Whether a folder is to be taken as one file, as those of Zarr are.

    Raises
    ------
    DataError
        If nothing is there.
    """
    expanded = Path(path).expanduser()
    if expanded.is_file() or (expanded.is_dir() and whole(expanded)):
        return [expanded]
    if expanded.is_dir():
        try:
            visible = [p for p in expanded.iterdir() if p.name[0] != "."]
        except OSError as error:
            raise DataError(f"The folder {path} cannot be opened ({error.strerror}).") from None
        inside = [p for p in visible if (p.is_file() and p.name.lower().endswith(tuple(suffixes))) or _is(whole, p)]
        if not inside:
            raise DataError(f"The folder {path} holds no file ending in {', '.join(suffixes)}.")
        return sorted(inside, key=natural_key)
    if glob.has_magic(str(expanded)):
        matching = [Path(p) for p in glob.glob(str(expanded), recursive=True)]
        found = [p for p in matching if p.is_file() or _is(whole, p)]
        if not found:
            raise DataError(f"No file matches {path}.")
        return sorted(found, key=natural_key)
    raise DataError(f"There is no file or folder {path}{_nearby(expanded)}")


def item_ids(files: Sequence[Path]) -> list[str]:
    """A name for each file that no other has on any file system: the stem, with as much more as it takes."""
    ids = [_safe(_DOUBLE.sub("", file.name) if _DOUBLE.search(file.name) else file.stem) for file in files]
    longer: tuple[Callable[[Path], str], ...] = (
        lambda file: f"{file.stem}-{file.suffix[1:]}",
        lambda file: f"{file.parent.name}-{file.stem}-{file.suffix[1:]}",
        lambda file: "-".join(file.relative_to(file.anchor).with_suffix("").parts) + f"-{file.suffix[1:]}",
    )
    for name in longer:
        count = Counter(i.casefold() for i in ids)
        ids = [i if count[i.casefold()] == 1 else _safe(name(file)) for i, file in zip(ids, files, strict=True)]
    taken: set[str] = set()
    for n, base in enumerate(ids):
        number = 1
        while ids[n].casefold() in taken:
            number += 1
            ids[n] = f"{base}-{number}"
        taken.add(ids[n].casefold())
    return ids


def _is(whole: Callable[[Path], bool], path: Path) -> bool:
    return path.is_dir() and whole(path)


def _safe(name: str) -> str:
    """The name with everything but letters, digits, dots, dashes and underscores replaced."""
    return re.sub(r"[^\w.\-]+", "_", name).strip(".") or "item"


def _nearby(path: Path) -> str:
    """The end of the sentence: which folder is missing, and the nearest name that is there."""
    missing = path
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    near = get_close_matches(missing.name, [p.name for p in missing.parent.iterdir()], n=1)
    where = f": {missing} is missing" if missing != path else ""
    return where + (f"; did you mean {missing.with_name(near[0])}?" if near else ".")
