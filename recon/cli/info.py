"""What there is, and what each of it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import Any

from recon.config.annotations import kind_of
from recon.config.errors import ConfigError, Mark, suggestion
from recon.config.extras import extra_keys, widened
from recon.config.foreign import foreign, is_path
from recon.config.kinds import Choice, Union
from recon.config.nodes import Scalar
from recon.config.parts import all_names, catalogue, find_anywhere
from recon.registry import Member, role_of
from recon.signatures import ClassInfo


def info_command(name: str | None, *, as_json: bool) -> int:
    """Print the catalogue, or everything about the components of one name."""
    if name is None:
        if as_json:
            listing = {heading: [_brief(member) for member in group] for heading, group in catalogue()}
            print(json.dumps(listing, indent=2, ensure_ascii=False))
        else:
            _print_catalogue()
        return 0
    found = find_anywhere(name) or _elsewhere(name)
    if not found:
        raise ConfigError("recon info", f"there is no component {name!r}{_nearest(name)}")
    if as_json:
        print(json.dumps([_full(member) for member in found], indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(_page(member) for member in found))
    return 0


def _elsewhere(name: str) -> list[Member]:
    """The class of an import path of ours or of ``file.py:Name``."""
    info = foreign(Scalar(Mark("recon info"), name, name))[1] if is_path(name) else None
    return [] if info is None else [Member(info, (name,), role_of(info))]


def _nearest(name: str) -> str:
    end = suggestion(name, all_names())
    return end if end.endswith("?") else "; recon info lists them all."


def _print_catalogue() -> None:
    """One line per component, cut to the width of a terminal."""
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    for heading, group in catalogue():
        print(heading)
        for member in group:
            line = f"  {', '.join(member.names):<42} {member.info.summary}"
            print(line if width is None or len(line) <= width else f"{line[: width - 1]}…")
        print()
    print("recon info NAME explains one of them.")


def _page(member: Member) -> str:
    """One component: names, signature, documentation."""
    info = member.info
    role = f"{member.role} " if member.role else ""
    lines = [f"{role}{', '.join(member.names)}    ({info.path})", ""]
    lines += [f"  {parameter.text}" for parameter in info.parameters.values()]
    lines += [f"  {name}: {phrase}    (in a job too)" for name, phrase in _more(info)]
    lines += [f"  {key}: {kind.phrase}    (in a job only)" for key, kind in extra_keys(info).items()]
    return "\n".join([*lines, "", info.doc]).rstrip()


def _more(info: ClassInfo) -> Iterator[tuple[str, str]]:
    """Words that stand for values to be found, such as ``estimate``, by parameter."""
    for parameter in info.parameters.values():
        kind = widened(info, parameter, kind_of(parameter))
        own = kind_of(parameter)
        for option in kind.options if isinstance(kind, Union) else ():
            if isinstance(option, Choice) and option != own and option not in getattr(own, "options", ()):
                yield parameter.name, option.phrase


def _brief(member: Member) -> dict[str, Any]:
    return {"names": list(member.names), "path": member.info.path, "summary": member.info.summary}


def _full(member: Member) -> dict[str, Any]:
    info = member.info
    parameters = [
        {
            "name": parameter.name,
            "accepts": widened(info, parameter, kind_of(parameter)).phrase,
            "default": None if parameter.required else repr(parameter.default),
            "required": parameter.required,
            "note": parameter.note,
        }
        for parameter in info.parameters.values()
    ]
    return {**_brief(member), "role": member.role, "parameters": parameters, "doc": info.doc}
