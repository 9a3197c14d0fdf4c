import json
from typing import Any

from recon.config.job import Job
from recon.config.parts import catalogue
from recon.config.schema import job_schema


def walk(schema: Any) -> Any:
    yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from walk(inner)


def test_the_schema_has_every_component_with_every_parameter() -> None:
    schema = job_schema()
    definitions = schema["$defs"]
    for _, group in catalogue():
        for member in group:
            named = [d for key, d in definitions.items() if key.endswith(f".{member.names[0]}")]
            found = [d for d in named if d["description"] == member.info.summary]
            assert found, member.names
            for definition in found:
                assert set(member.info.parameters) <= set(definition["properties"])
                assert definition["additionalProperties"] is False


def test_the_schema_is_json_whose_references_resolve() -> None:
    schema = json.loads(json.dumps(job_schema(), allow_nan=False))
    references = {node["$ref"] for node in walk(schema) if isinstance(node, dict) and "$ref" in node}
    assert references
    assert references == {f"#/$defs/{key}" for key in schema["$defs"]}


def test_keys_of_a_job_have_descriptions_and_defaults() -> None:
    schema = job_schema()
    assert set(schema["properties"]) == set(Job.__dataclass_fields__)
    assert all(entry["description"] for entry in schema["properties"].values())
    assert schema["properties"]["seed"]["default"] == 0
    assert schema["anyOf"] == [{"required": ["base"]}, {"required": ["recon", "input", "operator"]}]


def test_what_may_be_left_out_is_not_required() -> None:
    definitions = job_schema()["$defs"]
    assert "shape" not in definitions["operator.blur"]["required"]
    assert "psf" in definitions["operator.blur"]["required"]
    gradient = definitions["operator.gradient"]["required"]
    assert gradient == ["name"], "inside a prior the shape is the image's; editors once marked it as missing"
    assert definitions["operator.ray_transform"]["required"] == ["name", "geometry"]
    assert definitions["noise.gaussian"]["properties"]["sigma"]["anyOf"][0] == {"enum": ["estimate"]}
