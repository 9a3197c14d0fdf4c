"""What docstrings say: the first sentence, and the notes on parameters."""

from __future__ import annotations

import re


def summary(doc: str) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = unmarked(" ".join(doc.strip().split("\n\n")[0].split()))
    end = re.search(r"[.:;](?= [A-ZΑ-Ω‖⟨(]|$)", paragraph)
    return paragraph[: end.start()] + "." if end else paragraph


def unmarked(text: str) -> str:
    """The text without the markup of references and literals."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"\1", text)
    return re.sub(r"``(.+?)``", r"\1", text)


def parameter_notes(doc: str) -> dict[str, str]:
    """Parameter name to its description, from the NumPy-style Parameters section of a cleaned docstring."""
    lines = doc.split("\n")
    try:
        start = next(i for i in range(len(lines) - 1) if lines[i] == "Parameters" and set(lines[i + 1]) == {"-"})
    except StopIteration:
        return {}
    notes: dict[str, str] = {}
    names: list[str] = []
    for i, line in enumerate(lines[start + 2 :], start + 2):
        if line and not line.startswith(" "):
            if i + 1 < len(lines) and lines[i + 1] and set(lines[i + 1]) == {"-"}:
                break
            if not re.fullmatch(r"[\w*]+(, [\w*]+)*( : .*)?", line):
                break
            names = [name.strip("* ") for name in line.partition(" : ")[0].split(",")]
        elif line.strip():
            for name in names:
                notes[name] = unmarked(f"{notes.get(name, '')} {line.strip()}".strip())
    return notes
