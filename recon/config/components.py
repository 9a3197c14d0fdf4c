"""Components of a job, ``{name: tv, lam: 0.02}``, checked against the classes they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recon.config.annotations import kind_of
from recon.config.checks import Mismatch, Slot
from recon.config.errors import ConfigError, Mark, listed, suggestion
from recon.config.extras import GEOMETRY, extra_keys, from_data, may_leave_out, widened
from recon.config.foreign import foreign, is_path
from recon.config.kinds import Component, Stop
from recon.config.nodes import Map, Node, Scalar, is_null, shown
from recon.config.scans import DESCRIBED, check_scan
from recon.config.stopping import check_measured, default_limits
from recon.config.values import ComponentSpec, ImportSpec, ScanSpec, StopSpec, Value
from recon.parameters import Parameter, Source
from recon.registry import ROLES, find, members, networks
from recon.signatures import ClassInfo

SOLVER = "recon.solvers.solver.Solver"
JOB = "a job"
"""Label of the root."""


@dataclass(frozen=True)
class Components:
    """Checks components; ``inside`` says that they are parameters of another component."""

    inside: bool = False

    def check(self, kind: Component, node: Node, slot: Slot) -> ComponentSpec | ImportSpec | ScanSpec:
        """The component that a node describes; Mismatch if it is neither a name nor a mapping."""
        word = kind.word if any(role.name == kind.word for role in ROLES) else slot.name.replace("_", " ")
        name, params = _name_and_params(node, word)
        candidates = [member for base in kind.bases for member in members(base)]
        if name is None:
            if len(candidates) != 1:
                choices = suggestion("", [m.names[0] for m in candidates], "known are")
                raise ConfigError(node.mark, f"{word} needs a 'name'{choices}")
            return self.fill(candidates[0].info, "", word, params)
        if GEOMETRY in kind.bases and name.text in DESCRIBED:
            return check_scan(name, params)
        member = next((m for base in kind.bases if (m := find(base, name.text))), None)
        if member is not None:
            return self.fill(member.info, member.names[0], f"{word} {name.text!r}", params)
        if not is_path(name.text):
            if len(candidates) == 1 and not candidates[0].role:
                known = list(candidates[0].info.parameters)
                raise ConfigError(name.mark, f"{word} expects a mapping of {listed(known)}, got {name.text!r}.")
            known = [*(n for m in candidates for n in m.names), *(DESCRIBED if GEOMETRY in kind.bases else ())]
            raise ConfigError(name.mark, f"there is no {word} {name.text!r}{_known(name.text, known)}")
        return self._foreign(name, word, kind.bases, params)

    def check_object(self, node: Node, slot: Slot) -> ComponentSpec | ImportSpec:
        """Something that is no component of ours: an import path, or one of the parts that the rooms list."""
        name, params = _name_and_params(node, slot.name)
        if name is None:
            raise ConfigError(node.mark, f"{slot.owner} expects {slot.name!r} to have a 'name', an import path.")
        member = next((m for m in networks() if name.text in m.names), None)
        if member is not None:
            return self.fill(member.info, member.names[0], f"{slot.name} {name.text!r}", params)
        if not is_path(name.text):
            known = [n for m in networks() for n in m.names]
            raise ConfigError(name.mark, f"there is no {slot.name} {name.text!r}{_known(name.text, known)}")
        return self._foreign(name, slot.name, (), params)

    def _foreign(self, name: Scalar, word: str, bases: tuple[str, ...], params: Map) -> ComponentSpec | ImportSpec:
        path, info = foreign(name)
        label = f"{word} {name.text!r}"
        if info is not None and (not bases or any(info.derives(base) for base in bases)) and not info.variadic:
            spec = self.fill(info, name.text, label, params)
            return ComponentSpec(path, name.text, label, spec.params, spec.mark, spec.marks, spec.options)
        return ImportSpec(path, label, word, bases, params, name.mark)

    def fill(
        self, info: ClassInfo, name: str, label: str, params: Map, known: Mapping[str, Value] | None = None
    ) -> ComponentSpec:
        """The component with its parameters checked and its plain defaults filled in.

        ``known`` are values from elsewhere, which need no check and give way to those in ``params``.
        """
        extras = extra_keys(info)
        for key, mark in params.keys.items():
            if key not in info.parameters and key not in extras:
                takes = [*info.parameters, *extras]
                raise ConfigError(mark, f"{label} takes no {key!r}{suggestion(key, takes)}")
        values: dict[str, Value] = {}
        for parameter in info.parameters.values():
            node = params.entries.get(parameter.name)
            kind = widened(info, parameter, kind_of(parameter))
            if node is not None and is_null(node) and parameter.default is None:
                values[parameter.name] = None
            elif node is not None:
                values[parameter.name] = self._slot(label, parameter).check(kind, node)
            elif known is not None and parameter.name in known:
                values[parameter.name] = known[parameter.name]
            elif parameter.required and not may_leave_out(info, parameter, inside=self.inside):
                raise ConfigError(params.mark, f"{label} needs {parameter.name!r}: {kind.phrase}.")
            elif not from_data(info, parameter.name):
                values |= _default(parameter)
        options = {
            key: Slot(label, key, self).check(kind, params.entries[key])
            for key, kind in extras.items()
            if key in params.entries and not is_null(params.entries[key])
        }
        marks = {key: node.mark for key, node in params.entries.items()}
        spec = ComponentSpec(info.path, name, label, values, params.mark, marks, options)
        stop = values.get("stop")
        if isinstance(stop, StopSpec) and info.derives(SOLVER):
            check_measured(stop, info, label)
        return spec

    def _slot(self, label: str, parameter: Parameter) -> Slot:
        return Slot(label, parameter.name, Components(inside=label != JOB), parameter.default)


def _name_and_params(node: Node, word: str) -> tuple[Scalar | None, Map]:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node, Map(node.mark, {}, {})
    if not isinstance(node, Map):
        raise Mismatch(node)
    name = node.entries.get("name")
    if name is not None and (not isinstance(name, Scalar) or not isinstance(name.value, str)):
        raise ConfigError(name.mark, f"{word} expects text for 'name', got {shown(name)}.")
    rest = Map(
        node.mark,
        {key: value for key, value in node.entries.items() if key != "name"},
        {key: mark for key, mark in node.keys.items() if key != "name"},
    )
    return name, rest


def _default(parameter: Parameter) -> dict[str, Value]:
    """The default as a value, where it is plain or a stopping rule; the constructor knows the others."""
    if parameter.required:
        return {}
    if isinstance(parameter.default, Source):
        limits = default_limits(parameter.default) if isinstance(kind_of(parameter), Stop) else {}
        return {parameter.name: StopSpec(limits, Mark("the default"))} if limits else {}
    return {parameter.name: parameter.default}


def _known(name: str, known: list[str]) -> str:
    text = suggestion(name, known, "known are")
    return text if text.endswith("?") else f"{text[:-1]}, and an import path such as my_package.MyClass would do."
