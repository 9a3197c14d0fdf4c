import json
from typing import Any

from recon.config.bench import Benchmark, Dataset, Method
from recon.config.bench_schema import bench_schema
from recon.config.schema import job_schema
from recon.registry import members


def walk(schema: Any) -> Any:
    yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from walk(inner)


SCHEMA = json.loads(json.dumps(bench_schema(), allow_nan=False))


def entry(key: str) -> list[Any]:
    """What an entry of a list may be."""
    several, single = SCHEMA["properties"][key]["anyOf"]
    assert several == {"type": "array", "items": single}, "one needs no list"
    return list(single["anyOf"])


def named(key: str, name: str) -> Any:
    """The description of a component in a list."""
    return next(one for one in entry(key) if name in one.get("properties", {}).get("name", {}).get("enum", ()))


def test_references_resolve() -> None:
    references = {node["$ref"] for node in walk(SCHEMA) if isinstance(node, dict) and "$ref" in node}
    assert references == {f"#/$defs/{key}" for key in SCHEMA["$defs"]}


def test_every_key_is_described() -> None:
    assert set(SCHEMA["properties"]) == set(Benchmark.__dataclass_fields__)
    assert all(entry["description"] for entry in SCHEMA["properties"].values())
    assert SCHEMA["anyOf"] == [{"required": ["base"]}, {"required": ["recon", "datasets", "operators", "methods"]}]
    assert SCHEMA["title"] == "recon benchmark"


def test_every_component_stands_in_its_list_with_the_keys_of_an_entry() -> None:
    for key, base, own in (
        ("datasets", "recon.files.reader.Reader", {*Dataset.__dataclass_fields__, "with"}),
        ("operators", "recon.operators.operator.Operator", {"id", "with"}),
        ("noise", "recon.operators.noise.NoiseModel", {"id", "with"}),
    ):
        for member in members(base):
            found = named(key, member.names[0])
            assert {*member.info.parameters, *own} <= set(found["properties"])
            assert found["required"][0] == "name"
            assert found["additionalProperties"] is False
    (method, each) = entry("methods")
    assert set(method["properties"]) == {*Method.__dataclass_fields__, "on"}
    assert each == {"$ref": "#/$defs/each"}


def test_every_parameter_may_be_swept() -> None:
    std = named("operators", "gaussian_blur")["properties"]["std"]
    assert {"$ref": "#/$defs/each"} in std["anyOf"]
    for key, definition in SCHEMA["$defs"].items():
        if key.startswith(("prior.", "solver.")):
            for name, parameter in definition["properties"].items():
                assert name == "name" or {"$ref": "#/$defs/each"} in parameter["anyOf"], (key, name)
    lam = SCHEMA["$defs"]["prior.total_variation"]["properties"]["lam"]
    assert {"$ref": "#/$defs/tune"} in lam["anyOf"]
    assert not any(
        "defs/each" in str(one) for one in job_schema()["$defs"]["prior.total_variation"]["properties"].values()
    )


def test_filters_name_the_other_axes() -> None:
    method = entry("methods")[0]
    assert set(method["properties"]["on"]["properties"]) == {"dataset", "operator", "noise"}
    assert set(named("operators", "identity")["properties"]["with"]["properties"]) == {"dataset", "noise", "method"}
    exclude = SCHEMA["properties"]["exclude"]["anyOf"][1]
    assert set(exclude["properties"]) == {"dataset", "operator", "noise", "method"}


def test_limits_of_iterations_and_names_may_be_swept() -> None:
    """The shipped benchmarks do both, and the schema once refused them."""
    stop = SCHEMA["$defs"]["solver.pdhg"]["properties"]["stop"]["anyOf"][0]
    assert {"$ref": "#/$defs/tune"} in stop["properties"]["max_iter"]["anyOf"]
    swept = {"type": "object", "properties": {"name": {"$ref": "#/$defs/each"}}, "required": ["name"]}
    assert swept in entry("operators")
    assert swept in list(walk(entry("methods")[0]["properties"]["solver"]))
