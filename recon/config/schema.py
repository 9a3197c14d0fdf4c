"""The JSON schema of jobs, for editors that complete and check YAML."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recon.config.annotations import kind_of
from recon.config.extras import extra_keys, may_leave_out, widened
from recon.config.kinds import (
    Anything,
    Array,
    Choice,
    File,
    Kind,
    ListOf,
    MapOf,
    Null,
    Object,
    Plain,
    Stop,
    Union,
)
from recon.config.stopping import RULES
from recon.parameters import Parameter, Source
from recon.registry import Member, members, networks
from recon.signatures import ClassInfo, find_class

Schema = dict[str, Any]

_PLAIN: dict[str, Schema] = {
    "number": {"type": "number"},
    "complex": {"type": "number"},
    "integer": {"type": "integer"},
    "flag": {"enum": [True, False, "yes", "no", "on", "off"]},
    "text": {"type": ["string", "number", "boolean"]},
}
_IMPORT_PATH = {"type": "string", "pattern": "[.:]", "description": "my_package.MyClass or my_file.py:MyClass"}
_ARRAY: Schema = {
    "anyOf": [
        {"type": "number"},
        {"type": "array"},
        {"const": "from-file", "description": "the array of this name that comes with each item"},
        {"const": "first-guess", "description": "for references of priors: a direct reconstruction of the data"},
        {"type": "string", "description": "a file"},
        {
            "type": "object",
            "description": "for references of priors: a first reconstruction of the same data",
            "properties": {"prior": {}, "solver": {}},
            "required": ["prior"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"file": {"type": "string"}, "key": {"type": "string"}, "index": {}},
            "required": ["file"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "description": "count values from start up to, not including, stop",
            "properties": {"start": {"type": "number"}, "stop": {"type": "number"}, "count": {"type": "integer"}},
            "required": ["start", "stop", "count"],
            "additionalProperties": False,
        },
    ]
}


def job_schema() -> Schema:
    """The schema of a whole job: every component with its parameters, their defaults and descriptions."""
    info = find_class("recon.config.job.Job")
    assert info is not None
    builder = Builder()
    schema = builder.object(info, ())
    needed = schema.pop("required")  # by a job that has no base to take it from
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "recon job",
        **schema,
        "anyOf": [{"required": ["base"]}, {"required": needed}],
        "$defs": dict(sorted(builder.definitions.items())),
    }


class Builder:
    """Collects one definition per component."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def object(self, info: ClassInfo, names: tuple[str, ...], *, inside: bool = False) -> Schema:
        """A mapping with the parameters of a class and, if it has one, its name."""
        properties: Schema = {"name": {"enum": list(names)}} if names else {}
        required = []
        for parameter in info.parameters.values():
            properties[parameter.name] = self.parameter(info, parameter)
            if parameter.required and not may_leave_out(info, parameter, inside=inside):
                required.append(parameter.name)
        for key, kind in extra_keys(info).items():
            properties[key] = self.kind(kind)
        return {
            "type": "object",
            "description": info.summary,
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def parameter(self, info: ClassInfo, parameter: Parameter) -> Schema:
        """What one parameter accepts, with its note and its default."""
        schema = dict(self.kind(widened(info, parameter, kind_of(parameter))))
        if parameter.note:
            schema["description"] = parameter.note
        if not parameter.required and not isinstance(parameter.default, Source):
            default = parameter.default
            schema["default"] = list(default) if isinstance(default, tuple) else default
        return schema

    def kind(self, kind: Kind) -> Schema:
        """What one kind of value looks like."""
        if isinstance(kind, Plain):
            return _PLAIN[kind.word]
        if isinstance(kind, Null):
            return {"type": "null"}
        if isinstance(kind, Choice):
            return {"enum": list(kind.values)}
        if isinstance(kind, File):
            return {"type": "string"}
        if isinstance(kind, Array):
            return _ARRAY
        if isinstance(kind, ListOf):
            size = {} if kind.length is None else {"minItems": kind.length, "maxItems": kind.length}
            return {"type": "array", "items": self.kind(kind.item), **size}
        if isinstance(kind, MapOf):
            return {"type": "object", "additionalProperties": self.kind(kind.item)}
        if isinstance(kind, Anything):
            return {}
        if isinstance(kind, Stop):
            limits = {key: {"type": ["integer" if key == "max_iter" else "number", "null"]} for key in RULES}
            return {"type": "object", "properties": limits, "additionalProperties": False}
        if isinstance(kind, Union):
            return {"anyOf": [self.kind(option) for option in kind.options]}
        if isinstance(kind, Object):
            return self.named(networks(), "object")
        candidates = list({m.info.path: m for base in kind.bases for m in members(base)}.values())
        if len(candidates) == 1 and not candidates[0].role:
            return self.reference(candidates[0], kind.word)
        return self.named(candidates, kind.word)

    def named(self, candidates: Iterable[Member], word: str) -> Schema:
        """One of some components, by name or with parameters, or something imported."""
        foreign = {"type": "object", "properties": {"name": _IMPORT_PATH}, "required": ["name"]}
        names = [name for member in candidates for name in member.names]
        return {
            "anyOf": [
                {"enum": names},
                *(self.reference(member, word, needs_name=True) for member in candidates),
                _IMPORT_PATH,
                foreign,
            ]
        }

    def reference(self, member: Member, word: str, *, needs_name: bool = False) -> Schema:
        """A pointer to the component's definition, which is made where it is missing.

        It serves the component wherever it stands, so that it requires only what is required everywhere.
        """
        key = f"{word}.{member.names[0]}".replace(" ", "_")
        if key not in self.definitions:
            self.definitions[key] = {}
            definition = self.object(member.info, member.names, inside=True)
            if needs_name:
                definition["required"].insert(0, "name")
            self.definitions[key] = definition
        return {"$ref": f"#/$defs/{key}"}
