from pathlib import Path

import pytest

from recon.config.annotations import kind_of
from recon.config.kinds import Kind, optional
from recon.signatures import class_info, find_class
from recon.source import read_file

HEAD = """
from __future__ import annotations
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Annotated, Literal, Optional, Union
import torch
from torch import Tensor, nn
from recon.operators import LinearOperator
from recon.operators.operator import Shape
from recon.priors import TotalVariation
from recon.priors.prior import Prior
from recon.solvers import Rule

Pair = tuple[float, float]

class Probe:
"""


@pytest.fixture
def kind(tmp_path: Path):  # type: ignore[no-untyped-def]
    count = iter(range(1000))

    def _kind(annotation: str) -> Kind:
        path = tmp_path / f"probe{next(count)}.py"
        path.write_text(f"{HEAD}    def __init__(self, x{annotation}): ...\n")
        return kind_of(class_info(read_file(path, path.stem), "Probe").parameters["x"])

    return _kind


@pytest.mark.parametrize(
    ("annotation", "phrase"),
    [
        (": float", "a number"),
        (": int", "a whole number"),
        (": bool", "true or false"),
        (": str", "text"),
        (": complex", "a number"),
        (": Path", "a path"),
        (": Any", "a value"),
        ("", "a value"),
        (": float | None", "a number"),
        (": Optional[int]", "a whole number"),
        (": Union[int, str]", "a whole number or text"),
        (": 'float'", "a number"),
        (": Annotated[int, 'rows']", "a whole number"),
        (": Literal['a', 'b', 3]", "'a', 'b' or 3"),
        (": float | Literal['auto']", "'auto' or a number"),
        (": Sequence[int]", "a list of whole numbers"),
        (": list[str]", "a list of texts"),
        (": tuple[int, ...]", "a list of whole numbers"),
        (": tuple[float, float]", "a list of 2 numbers"),
        (": Pair", "a list of 2 numbers"),
        (": Shape", "a list of whole numbers"),
        (": float | Sequence[float]", "a number or a list of numbers"),
        (": Mapping[str, Any]", "a mapping"),
        (": dict[str, float]", "a mapping from names to a number"),
        (": Tensor", "an array (numbers, a file or from-file)"),
        (": torch.Tensor | float", "a number or an array (numbers, a file or from-file)"),
        (": LinearOperator", "an operator"),
        (": Prior | Sequence[Prior]", "a prior or a list of priors"),
        (": TotalVariation | None", "a prior"),
        (": Rule", "a mapping such as {max_iter: 500, gap: 1e-4}"),
        (": nn.Module | Callable[[Tensor, Any], Tensor]", "an import path such as my_package.MyModel"),
        (": SomethingUnknown", "an import path such as my_package.MyModel"),
    ],
)
def test_annotations_say_what_is_accepted(kind, annotation: str, phrase: str) -> None:  # type: ignore[no-untyped-def]
    assert kind(annotation).phrase == phrase
    assert optional(kind(annotation)) == ("None" in annotation or "Optional" in annotation or phrase == "a value")


def test_every_parameter_of_every_component_has_an_annotation_that_is_understood() -> None:
    from recon.config.parts import catalogue

    for _, group in catalogue():
        for member in group:
            for parameter in member.info.parameters.values():
                assert parameter.annotation is not None, (member.info.path, parameter.name)
                assert kind_of(parameter).phrase != "a value", (member.info.path, parameter.name)


def test_the_keys_of_a_job_are_annotated_with_the_roots_of_the_roles() -> None:
    info = find_class("recon.config.job.Job")
    assert info is not None
    words = {name: kind_of(parameter).phrase for name, parameter in info.parameters.items()}
    assert words["solver"] == "a solver"
    assert words["input"] == "an input"
    assert words["preprocess"] == "a list of preprocessing steps"
