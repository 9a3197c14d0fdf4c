from pathlib import Path

import pytest

from recon.parameters import REQUIRED, Source
from recon.signatures import ClassInfo, class_info, find_class
from recon.source import read_file

SOURCE = '''
"""What the file is about."""
from __future__ import annotations
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

LIMIT = 3


class Root(ABC):
    """A root."""
    measures: ClassVar[frozenset[str]] = frozenset({"change"})

    def __init__(self, a: int, *, b: float = 1e-3, c: int = LIMIT, d: Stop = Stop(2)) -> None: ...

    @abstractmethod
    def go(self): ...


class Leaf(Root):
    """A leaf.

    Parameters
    ----------
    a
        The first.
    """
    names = ("leaf", "blatt")

    def go(self): ...


class Open(Leaf):
    def __init__(self, *parts: int) -> None: ...


@dataclass(frozen=True)
class Settings:
    """Settings."""
    kind: ClassVar[str] = "none"
    steps: int = 5
    hidden: int = field(init=False, default=1)
    parts: list[int] = field(default_factory=list)


@dataclass
class More(Settings):
    steps: int = field(init=False)
    last: str = "x"
'''


@pytest.fixture
def classes(tmp_path: Path) -> dict[str, ClassInfo]:
    path = tmp_path / "some_module.py"
    path.write_text(SOURCE)
    module = read_file(path, "some_module")
    return {name: class_info(module, name) for name in module.classes}


def test_parameters_come_from_the_inherited_constructor_with_their_defaults(classes: dict[str, ClassInfo]) -> None:
    parameters = classes["Leaf"].parameters
    assert [p.text for p in parameters.values()] == ["a: int", "b: float = 0.001", "c: int = 3", "d: Stop = Stop(2)"]
    assert parameters["a"].default is REQUIRED
    assert parameters["a"].note == "The first."
    assert parameters["d"].default == Source("Stop(2)")


def test_dataclass_fields_are_the_constructor(classes: dict[str, ClassInfo]) -> None:
    assert {k: p.default for k, p in classes["Settings"].parameters.items()} == {"steps": 5, "parts": []}
    assert list(classes["More"].parameters) == ["parts", "last"], "a field that the subclass takes out stays out"


def test_bases_abstractness_and_attributes(classes: dict[str, ClassInfo]) -> None:
    assert classes["Leaf"].derives("some_module.Root")
    assert classes["Root"].abstract
    assert not classes["Leaf"].abstract
    assert classes["Open"].variadic
    assert not classes["Leaf"].variadic
    assert classes["Leaf"].attribute("measures") == {"change"}
    assert classes["Leaf"].attribute("names") == ("leaf", "blatt")
    assert classes["Open"].attribute("names", own=True) is None


def test_the_summary_of_a_file_with_one_class_is_the_files() -> None:
    tv = find_class("recon.priors.TotalVariation")
    assert tv is not None
    assert tv.summary == "Total variation."
    assert tv.path == "recon.priors.handcrafted.total_variation.TotalVariation"


def test_static_and_imported_signatures_agree_for_every_component() -> None:
    """The whole registry: what is read from the source is what Python sees."""
    import inspect

    from recon.config.parts import catalogue
    from recon.run.loading import load

    for _, group in catalogue():
        for member in group:
            cls = load(member.info.path)
            found = inspect.signature(cls).parameters
            assert list(found) == list(member.info.parameters), member.info.path
            for name, parameter in member.info.parameters.items():
                assert parameter.required == (found[name].default is inspect.Parameter.empty), (member.info.path, name)
                if not isinstance(parameter.default, Source) and not parameter.required:
                    assert parameter.default == found[name].default, (member.info.path, name)


def test_unknown_paths_are_none() -> None:
    assert find_class("recon.priors.NoSuchThing") is None
    assert find_class("no_such_package.Thing") is None
