from pathlib import Path
from typing import Any

import pytest

from recon.config.errors import Mark
from recon.config.kinds import Choice, Plain, Word
from recon.config.nodes import Scalar, parse_yaml
from recon.config.scalars import NotThat, choose, convert


def scalar(text: str) -> Scalar:
    node = parse_yaml(text, Mark("job.yaml", 1, 1, Path()))
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize(
    ("word", "text", "value"),
    [
        ("number", "1e-3", 1e-3),
        ("number", "3", 3.0),
        ("number", "'0.5'", 0.5),
        ("number", "inf", float("inf")),
        ("integer", "3", 3),
        ("integer", "1e3", 1000),
        ("integer", "2.0", 2),
        ("flag", "true", True),
        ("flag", "no", False),
        ("flag", "yes", True),
        ("flag", "off", False),
        ("flag", "On", True),
        ("text", "no", "no"),
        ("text", "007", "007"),
        ("text", "true", "true"),
        ("text", "1e-3", "1e-3"),
        ("complex", "2", 2.0),
        ("complex", "1+2j", 1 + 2j),
    ],
)
def test_what_a_person_means(word: Word, text: str, value: Any) -> None:
    found = convert(Plain(word), scalar(text))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("number", "strong"),
        ("number", "true"),
        ("number", "yes"),
        ("number", "~"),
        ("integer", "1.5"),
        ("integer", "true"),
        ("integer", "x"),
        ("flag", "maybe"),
        ("flag", "2"),
        ("text", "~"),
    ],
)
def test_what_it_cannot_mean(word: Word, text: str) -> None:
    with pytest.raises(NotThat):
        convert(Plain(word), scalar(text))


def test_choices_are_matched_as_written() -> None:
    assert choose(Choice(("no", "yes")), scalar("no")) == "no"
    assert choose(Choice((1, 2)), scalar("2")) == 2
    for text in ("true", "nope"):
        with pytest.raises(NotThat):
            choose(Choice((1, "no")), scalar(text))
