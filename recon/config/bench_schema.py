"""The JSON schema of benchmarks, for editors that complete and check YAML."""

from __future__ import annotations

from collections.abc import Iterable

from recon.config.bench import METRICS
from recon.config.entries import FILTERS, LISTS
from recon.config.kinds import Array, Kind, Stop
from recon.config.patterns import AXES
from recon.config.resolve import READER
from recon.config.schema import Builder, Schema
from recon.registry import Member, members
from recon.signatures import ClassInfo, find_class

BASES = {
    "dataset": READER,
    "operator": "recon.operators.operator.Operator",
    "noise": "recon.operators.noise.NoiseModel",
}
"""Axis to the class of what its entries describe."""
_EACH = {"$ref": "#/$defs/each"}
_TUNE = {"$ref": "#/$defs/tune"}
_NAMES = {"type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number", "boolean"]}}
_DEFINITIONS: Schema = {
    "each": {
        "type": "object",
        "description": "a sweep: one description for each of these",
        "properties": {"each": {"type": "array", "minItems": 1}},
        "required": ["each"],
        "additionalProperties": False,
    },
    "tune": {
        "type": "object",
        "description": "a parameter that is found on validation items: ends of its range, or values to choose from",
        "properties": {
            "tune": {
                "anyOf": [
                    {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 2, "maxItems": 2},
                    {
                        "type": "object",
                        "properties": {"values": {"type": "array", "items": {"type": "number"}, "minItems": 2}},
                        "required": ["values"],
                        "additionalProperties": False,
                    },
                ]
            }
        },
        "required": ["tune"],
        "additionalProperties": False,
    },
}


def bench_schema() -> Schema:
    """The schema of a whole benchmark: every component of its lists as in jobs, where sweeps may stand too."""
    info = _info("Benchmark")
    plain = Builder()
    schema = plain.object(info, ())
    needed = schema.pop("required")  # by a benchmark that has no base to take it from
    swept = _Swept()
    schema["properties"] |= {LISTS[axis]: _list(schema, axis, swept.entry(axis)) for axis in AXES}
    schema["properties"]["exclude"] |= _one_or_more(_filter(AXES))
    schema["properties"]["metrics"] |= _one_or_more({"anyOf": [{"enum": list(METRICS)}, {"type": "string"}]})
    schema["properties"]["seeds"] |= _one_or_more({"type": "integer", "minimum": 0})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "recon benchmark",
        **schema,
        "anyOf": [{"required": ["base"]}, {"required": needed}],
        "$defs": dict(sorted({**plain.definitions, **swept.definitions, **_DEFINITIONS}.items())),
    }


class _Swept(Builder):
    """Descriptions in which every parameter may be swept, or one of a method be found."""

    def kind(self, kind: Kind) -> Schema:
        if isinstance(kind, Array):
            self.definitions["array"] = super().kind(kind)
            return {"anyOf": [{"$ref": "#/$defs/array"}, _EACH, _TUNE]}
        schema = super().kind(kind)
        if isinstance(kind, Stop):
            limits = {key: {"anyOf": [limit, _EACH, _TUNE]} for key, limit in schema["properties"].items()}
            schema = {**schema, "properties": limits}
        return {"anyOf": [schema, _EACH, _TUNE]}

    def named(self, candidates: Iterable[Member], word: str) -> Schema:
        swept = {"type": "object", "properties": {"name": _EACH}, "required": ["name"]}
        return {"anyOf": [*super().named(candidates, word)["anyOf"], swept]}

    def entry(self, axis: str) -> Schema:
        """What an entry of an axis may be."""
        others = _filter([other for other in AXES if other != axis])
        own = {"id": {"type": ["string", "number"], "description": "how the run calls it"}, FILTERS[axis]: others}
        if axis == "method":
            return {"anyOf": [self._with(_info("Method"), (), own), _EACH]}
        if axis == "dataset":
            keys = self.object(_info("Dataset"), ())["properties"]
            self.definitions |= {f"dataset.{key}": schema for key, schema in keys.items() if key not in own}
            own = {**{key: {"$ref": f"#/$defs/dataset.{key}"} for key in keys}, **own}
        found = members(BASES[axis])
        schemas = [self._with(member.info, member.names, own) for member in found]
        foreign = {
            "type": "object",
            "properties": {"name": {"type": "string", "pattern": "[.:]"}},
            "required": ["name"],
        }
        alone = [] if axis == "dataset" else [{"type": "string"}]
        swept = {"type": "object", "properties": {"name": _EACH}, "required": ["name"]}
        return {"anyOf": [*schemas, foreign, swept, *alone, _EACH]}

    def _with(self, info: ClassInfo, names: tuple[str, ...], own: Schema) -> Schema:
        """The description of a class with the keys of an entry."""
        schema = self.object(info, names)
        schema["properties"] |= own
        schema["required"] = ["name", *schema["required"]] if names else schema["required"]
        return schema


def _info(name: str) -> ClassInfo:
    info = find_class(f"recon.config.bench.{name}")
    assert info is not None
    return info


def _filter(axes: tuple[str, ...] | list[str]) -> Schema:
    return {
        "type": "object",
        "properties": dict.fromkeys(axes, _NAMES),
        "minProperties": 1,
        "additionalProperties": False,
    }


def _one_or_more(schema: Schema) -> Schema:
    return {"anyOf": [{"type": "array", "items": schema}, schema]}


def _list(schema: Schema, axis: str, entry: Schema) -> Schema:
    """One entry, or a list of them, described as the key is."""
    described = {"description": schema["properties"][LISTS[axis]]["description"]}
    return described | _one_or_more(entry)
