"""What is in files of data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from recon.config.errors import ConfigError

if TYPE_CHECKING:
    from recon.files.inspect import ArraySummary, FileSummary
    from recon.files.thumbnail import Thumbnail

SHADES = " .:-=+*#%@"
SAVED = 512
"""Pixels at most along each side of a saved thumbnail."""


def list_command(paths: Sequence[str], *, as_json: bool) -> int:
    """Print a line for each file of folders or patterns, or for each array of a file; 1 if a file cannot be read."""
    from recon.files.inspect import FileSummary, summarise
    from recon.files.item import DataError

    found: list[FileSummary | tuple[Path, str]] = []
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    for file in files:
        try:
            found.append(summarise(file))
        except DataError as error:
            found.append((file, str(error)))
    failed = [entry for entry in found if isinstance(entry, tuple)]
    if as_json:
        print(json.dumps([_plain(entry) for entry in found], indent=2, ensure_ascii=False))
    elif len(files) == 1 and isinstance(found[0], FileSummary):
        _print_file(found[0])
    else:
        alone = len({file.parent for file in files}) == 1
        rows = [_line(entry, alone=alone) for entry in found if isinstance(entry, FileSummary)]
        _print_rows([("file", "format", "data", "shape", "type", "size"), *rows] if rows else [])
    for _, sentence in failed:
        print(sentence, file=sys.stderr)
    return int(bool(failed))


def show_command(path: Path, key: str | None, index: Sequence[int], save: Path | None, *, as_json: bool) -> int:
    """Print everything about a file, with a picture of one array; 1 if it cannot be read."""
    from recon.files.inspect import plane, summarise
    from recon.files.item import DataError
    from recon.files.thumbnail import thumbnail

    if not path.exists():
        raise ConfigError("recon data", f"there is no file or folder {path}.")
    try:
        summary = summarise(path)
        if as_json:
            print(json.dumps(_plain(summary), indent=2, ensure_ascii=False))
        else:
            _print_file(summary)
            _print_notes(summary)
        cut = None
        if key is not None or index or save is not None or _pictorial(summary):
            cut = plane(path, key, index or None)
        if cut is not None and not as_json:
            size = get_terminal_size((80, 24))
            colours = sys.stdout.isatty()
            width = min(size.columns - 2, 78)
            small = thumbnail(cut.values, 48 if colours else 2 * width // 2, width)
            print(f"\n{cut.what}: {small.note}")
            _draw(small, colours=colours)
        if cut is not None and save is not None:
            thumbnail(cut.values, SAVED, SAVED).save(save)
    except DataError as error:
        print(json.dumps({"error": str(error)}, ensure_ascii=False) if as_json else str(error), file=sys.stderr)
        return 1
    return 0


def _files(path: str) -> list[Path]:
    """The file, those of a folder, or those of a pattern."""
    from recon.files.item import DataError
    from recon.files.paths import find_files, natural_key
    from recon.files.zarr import is_zarr

    folder = Path(path).expanduser()
    if folder.is_dir() and not is_zarr(folder):
        try:
            visible = sorted((file for file in folder.iterdir() if file.name[0] != "."), key=natural_key)
        except OSError as error:
            raise ConfigError("recon data", f"the folder {path} cannot be opened ({error.strerror}).") from None
        inside = [file for file in visible if file.is_file() or is_zarr(file)]
        if not inside:
            folders = ", ".join(file.name for file in visible if file.is_dir())
            there = f" but the folders {folders}; list one of them" if folders else ""
            raise ConfigError("recon data", f"the folder {path} holds no files{there}.")
        return inside
    try:
        return find_files(path, (), is_zarr)
    except DataError as error:
        raise ConfigError("recon data", str(error)) from None


def _pictorial(summary: FileSummary) -> bool:
    """Whether there is something to draw."""
    numbers = [
        array for array in summary.arrays if not array.error and array.dtype not in ("text", "objects", "records")
    ]
    return any(len(array.shape) > 0 and 0 not in array.shape for array in numbers)


def _print_file(summary: FileSummary) -> None:
    inputs = " or ".join(summary.inputs)
    print(f"{summary.path}: {summary.format}, {_size(summary.bytes)}; read with input {inputs}")
    if not summary.arrays:
        print("  It holds no arrays.")
    _print_rows([_array_line(array, array.name == summary.main) for array in summary.arrays])


def _array_line(array: ArraySummary, main: bool) -> tuple[str, ...]:
    if array.error:
        return (f"  {array.name}", array.error)
    spacing = "" if array.spacing_mm is None else " × ".join(f"{length:.4g}" for length in array.spacing_mm) + " mm"
    value = "" if array.value is None else _short(str(array.value))
    rest = (array.units, spacing, value, "data" if main else "")
    return (f"  {array.name}", _shape(array.shape), array.dtype, "; ".join(part for part in rest if part))


def _print_notes(summary: FileSummary) -> None:
    for array in summary.arrays:
        for name, note in array.notes.items():
            print(f"  {array.name}, {name}: {_short(json.dumps(note, ensure_ascii=False, default=str), 400)}")


def _line(summary: FileSummary, *, alone: bool) -> tuple[str, ...]:
    named = {array.name: array for array in summary.arrays}
    array = named.get(summary.main or "")
    several = f"{len(named)} arrays"
    data = (several, "", "") if array is None else (array.name, _shape(array.shape), array.dtype)
    if array is not None and array.error:
        data = (array.name, "see recon data show", "")
    name = summary.path.name if alone else str(summary.path)
    return (name, summary.format, *data, _size(summary.bytes))


def _print_rows(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as their widest entry."""
    widths = [
        max(len(row[n]) for row in rows if len(row) > n + 1) if any(len(row) > n + 1 for row in rows) else 0
        for n in range(max(map(len, rows), default=0))
    ]
    for row in rows:
        cells = [cell.ljust(widths[n]) if n < len(row) - 1 else cell for n, cell in enumerate(row)]
        print("  ".join(cells).rstrip())


def _draw(small: Thumbnail, *, colours: bool) -> None:
    """The picture in characters: half blocks where the terminal has colours, else ten shades."""
    pixels = small.pixels
    if colours:
        _draw_blocks(pixels)
        return
    gray = pixels.mean(-1) if pixels.ndim == 3 else pixels
    for row in gray[:: 2 if len(gray) > 1 else 1]:
        print("".join(SHADES[int(value) * len(SHADES) // 256] for value in row).rstrip())


def _draw_blocks(pixels: Any) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for top in range(0, len(pixels), 2):
        line = Text()
        below = pixels[top + 1] if top + 1 < len(pixels) else pixels[top] * 0
        for upper, lower in zip(pixels[top], below, strict=True):
            line.append("▀", f"rgb({_rgb(upper)}) on rgb({_rgb(lower)})")
        console.print(line, soft_wrap=True)


def _rgb(pixel: Any) -> str:
    values: Iterable[Any] = pixel if getattr(pixel, "ndim", 0) else [pixel] * 3
    return ",".join(str(int(value)) for value in values)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if shape else "one number"


def _size(count: int) -> str:
    power = min(4, max(0, count.bit_length() - 1) // 10)
    return f"{count / 1024**power:.4g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _plain(entry: Any) -> dict[str, Any]:
    if isinstance(entry, tuple):
        return {"path": str(entry[0]), "error": entry[1]}
    from recon.files.writers import to_json

    arrays = [
        {"name": array.name, "error": array.error}
        if array.error
        else {
            "name": array.name,
            "shape": list(array.shape),
            "dtype": array.dtype,
            "units": array.units,
            "spacing_mm": None if array.spacing_mm is None else list(array.spacing_mm),
            "value": array.value,
            "notes": array.notes,
        }
        for array in entry.arrays
    ]
    found: dict[str, Any] = json.loads(to_json((arrays and {"arrays": arrays}) or {"arrays": []}))
    return {
        "path": str(entry.path),
        "format": entry.format,
        "inputs": list(entry.inputs),
        "bytes": entry.bytes,
        "data": entry.main,
        **found,
    }
