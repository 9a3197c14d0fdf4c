"""Components that only serve as parameters of others: geometries, schedules, networks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from recon.config.annotations import kind_of
from recon.config.kinds import Component, Kind, ListOf, MapOf, Union
from recon.registry import ROLES, Member, members, networks
from recon.signatures import ClassInfo


@cache
def parts() -> tuple[Member, ...]:
    """What parameters of components may be, beyond operators, priors and the like."""
    roles = {role.base for role in ROLES}
    found = {member.info.path: member for member in networks()}
    queue = [member.info for role in ROLES for member in members(role.base)]
    queue += [member.info for member in found.values()]
    while queue:
        for base in _bases(queue.pop()):
            for member in members(base) if base not in roles else ():
                if not member.role and member.info.path not in found:
                    found[member.info.path] = member
                    queue.append(member.info)
    return tuple(sorted(found.values(), key=lambda member: member.names[0]))


def _bases(info: ClassInfo) -> Iterator[str]:
    for parameter in info.parameters.values():
        yield from _component_bases(kind_of(parameter))


def _component_bases(kind: Kind) -> Iterator[str]:
    if isinstance(kind, Component):
        yield from kind.bases
    elif isinstance(kind, Union):
        for option in kind.options:
            yield from _component_bases(option)
    elif isinstance(kind, ListOf | MapOf):
        yield from _component_bases(kind.item)


def catalogue() -> Iterator[tuple[str, tuple[Member, ...]]]:
    """Every heading of ``recon info`` with its components."""
    for role in ROLES:
        yield role.plural, members(role.base)
    yield "parts of the above", parts()


def find_anywhere(name: str) -> list[Member]:
    """All components of that YAML name or class name, whatever they are for."""
    everything = [member for _, group in catalogue() for member in group]
    return [member for member in everything if name in (*member.names, member.info.name)]


def all_names() -> list[str]:
    """Every name of every component."""
    return [name for _, group in catalogue() for member in group for name in member.names]
