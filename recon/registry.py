"""Every component that a configuration can name, found in the rooms' lists without importing them.

A room lists its members in the imports of its ``__init__.py``; a member's role follows from its base classes, and its
YAML names are its ``names``, or else its class name in snake case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from recon.signatures import ClassInfo, class_info, find_class
from recon.source import read_module, resolve


@dataclass(frozen=True)
class Role:
    """What a component is for.

    Attributes
    ----------
    name
        As errors call one of them.
    plural
        As lists are headed.
    base
        Import path of the class that all of them derive from.
    """

    name: str
    plural: str
    base: str


ROLES = (
    Role("operator", "operators", "recon.operators.operator.Operator"),
    Role("noise", "noise models", "recon.operators.noise.NoiseModel"),
    Role("fidelity", "data terms", "recon.operators.data_term.DataTerm"),
    Role("prior", "priors", "recon.priors.prior.Prior"),
    Role("solver", "solvers", "recon.solvers.solver.Solver"),
    Role("input", "readers", "recon.files.reader.Reader"),
    Role("preprocessing step", "preprocessing steps", "recon.preprocess.step.Step"),
)
FLOORS = ("recon.operators", "recon.priors", "recon.solvers")
"""Rooms in the order in which they may import each other."""

FUNCTIONAL = "recon.operators.functionals.functional.Functional"


@dataclass(frozen=True)
class Member:
    """One component, as configurations and ``recon info`` see it.

    Attributes
    ----------
    info
        The class as its source describes it.
    names
        Names it answers to, the usual one first.
    role
        The role's name, or "" for values such as geometries that only serve as parameters of others.
    """

    info: ClassInfo
    names: tuple[str, ...]
    role: str = ""


def snake_case(name: str) -> str:
    """``TotalVariation`` to ``total_variation``, ``CartesianMRI`` to ``cartesian_mri``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def names_of(info: ClassInfo) -> tuple[str, ...]:
    """The YAML names of a class: those it gives itself, else its own in snake case."""
    return tuple(info.attribute("names", own=True) or (snake_case(info.name),))


@cache
def room_classes(room: str) -> tuple[ClassInfo, ...]:
    """The classes that the room's ``__init__.py`` lists, in its order."""
    module = read_module(room)
    if module is None:
        return ()
    found = {}
    for local in module.imports:
        origin = resolve(local, module)
        if origin is not None and origin[0] in origin[1].classes:
            info = class_info(origin[1], origin[0])
            found[info.path] = info
    return tuple(found.values())


@cache
def members(base: str) -> tuple[Member, ...]:
    """The components deriving from the class of that import path, by canonical name.

    Abstract classes, functionals (no operators in the sense of a job), classes whose constructor takes any number of
    arguments and those of a narrower role (noise models among data terms) are left out.
    """
    found = [
        Member(info, names_of(info), role_of(info))
        for room in _rooms(base)
        for info in room_classes(room)
        if info.derives(base) and _usable(info) and not (info.derives(FUNCTIONAL) and base != FUNCTIONAL)
    ]
    own = next((role.name for role in ROLES if role.base == base), None)
    found = [member for member in found if own is None or member.role == own]
    itself = find_class(base)
    if itself is not None and _usable(itself) and not any(member.info.path == base for member in found):
        found.append(Member(itself, names_of(itself), role_of(itself)))
    return tuple(sorted(found, key=lambda member: member.names[0]))


def _rooms(base: str) -> tuple[str, ...]:
    """The room of a class, and of those above it that hold components the ones where it may have descendants."""
    own = ".".join(base.split(".")[:2])
    return (own, *FLOORS[FLOORS.index(own) + 1 :]) if own in FLOORS else (own,)


def _usable(info: ClassInfo) -> bool:
    return not info.abstract and not info.variadic and all(info.path != role.base for role in ROLES)


def role_of(info: ClassInfo) -> str:
    """The name of the class's role, "" if it has none."""
    return next((role.name for role in ROLES if info.derives(role.base)), "")


def find(base: str, name: str) -> Member | None:
    """The component of that name among those deriving from ``base``."""
    return next((member for member in members(base) if name in member.names), None)


def networks() -> tuple[Member, ...]:
    """The ``torch.nn`` modules that the rooms list: parameters of other components."""
    rooms = dict.fromkeys(".".join(role.base.split(".")[:2]) for role in ROLES)
    infos = [info for room in rooms for info in room_classes(room)]
    return tuple(Member(info, names_of(info)) for info in infos if not role_of(info) and info.method("forward"))
