"""Nodes of a job checked against the kinds of values that parameters accept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.config.arrays import check_array
from recon.config.errors import ConfigError, nearest
from recon.config.kinds import (
    Anything,
    Array,
    Choice,
    Component,
    File,
    Kind,
    ListOf,
    MapOf,
    Null,
    Object,
    Plain,
    Stop,
    Union,
    union,
)
from recon.config.nodes import List, Map, Node, Scalar, plain, shown
from recon.config.scalars import NotThat, choose, convert
from recon.config.stopping import check_stop
from recon.config.values import ArraySpec, Value

if TYPE_CHECKING:
    from recon.config.components import Components

PRIOR = "recon.priors.prior.Prior"
SOLVER = "recon.solvers.solver.Solver"


class Mismatch(Exception):
    """The node is not of the kind; raised only among the checks, which then say what would have been."""

    def __init__(self, node: Node) -> None:
        self.node = node


@dataclass(frozen=True)
class Slot:
    """The parameter that a node is to fill.

    Attributes
    ----------
    owner
        Whose parameter, as messages call it: ``prior 'tv'``.
    name
        The parameter.
    components
        Checks components met on the way.
    default
        The parameter's default.
    """

    owner: str
    name: str
    components: Components
    default: Any = None

    def check(self, kind: Kind, node: Node) -> Value:
        """The value that the node stands for; a :class:`ConfigError` at the node if it is of no such kind."""
        try:
            return self._value(kind, node)
        except Mismatch as error:
            wrong = error.node
        expected = f"{self.owner} expects {kind.phrase} for {self.name!r}, got {shown(wrong)}"
        raise ConfigError(wrong.mark, expected + _nearest_choice(kind, wrong))

    def _value(self, kind: Kind, node: Node) -> Value:
        if isinstance(kind, Union):
            return self._first(kind, node)
        if isinstance(kind, Component):
            return self.components.check(kind, node, self)
        if isinstance(kind, Object):
            return self.components.check_object(node, self)
        if isinstance(kind, Stop):
            return check_stop(node, self.owner, self.default)
        if isinstance(kind, Anything):
            return plain(node)
        if isinstance(kind, Array):
            if isinstance(node, Map) and "prior" in node.entries:
                return self._first_reconstruction(node)
            array = check_array(node, self.owner, self.name)
            if array is None:
                raise Mismatch(node)
            return array
        if isinstance(kind, ListOf):
            return self._list(kind, node)
        if isinstance(kind, MapOf):
            if not isinstance(node, Map):
                raise Mismatch(node)
            inside = {key: replace(self, name=f"{self.name}.{key}") for key in node.entries}
            return {key: slot.check(kind.item, node.entries[key]) for key, slot in inside.items()}
        if not isinstance(node, Scalar):
            raise Mismatch(node)
        return self._scalar(kind, node)

    def _first_reconstruction(self, node: Map) -> ArraySpec:
        """An array that a prior and a solver stand for: what they make of the same data."""
        for key, mark in node.keys.items():
            if key not in ("prior", "solver"):
                raise ConfigError(mark, f"a first reconstruction takes a prior and a solver, got {key!r}.")
        prior, solver = (Component((base,), word) for base, word in ((PRIOR, "prior"), (SOLVER, "solver")))
        kinds: dict[str, Kind] = {"prior": union([prior, ListOf(prior)]), "solver": solver}
        parts = {
            key: Slot(self.owner, key, self.components).check(kinds[key], node.entries[key]) for key in node.entries
        }
        return ArraySpec(node.mark, self.name, "solve", parts)

    def _scalar(self, kind: Plain | Null | Choice | File, node: Scalar) -> Value:
        if isinstance(kind, Null):
            if node.value is not None:
                raise Mismatch(node)
            return None
        if isinstance(kind, File):
            if not isinstance(node.value, str):
                raise Mismatch(node)
            return resolve_path(node)
        try:
            return choose(kind, node) if isinstance(kind, Choice) else convert(kind, node)
        except NotThat:
            raise Mismatch(node) from None

    def _list(self, kind: ListOf, node: Node) -> list[Value]:
        if not isinstance(node, List):
            raise Mismatch(node)
        if kind.length is not None and len(node.items) != kind.length:
            raise Mismatch(node)
        return [self._value(kind.item, item) for item in node.items]

    def _first(self, kind: Union, node: Node) -> Value:
        for option in kind.options:
            try:
                return self._value(option, node)
            except Mismatch:
                continue
        raise Mismatch(node)


def resolve_path(node: Scalar) -> Path:
    """The path that a node names: relative to the folder of the file it is written in."""
    return node.mark.folder / Path(node.text).expanduser()


def _nearest_choice(kind: Kind, node: Node) -> str:
    """The end of the sentence: the choice that was probably meant, or a full stop."""
    options = kind.options if isinstance(kind, Union) else (kind,)
    choices = [str(v) for option in options if isinstance(option, Choice) for v in option.values]
    close = nearest(node.text, choices) if isinstance(node, Scalar) else None
    return f"; did you mean {close!r}?" if close else "."
