"""Words of YAML turned into numbers, flags and text as a person expects.

A number may be quoted; a whole number may be written 1e3; true and false also as yes and no, on and off; whatever
stands where text is expected is that text, so that ``no`` stays no and ``007`` stays 007.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from recon.config.kinds import Choice, Plain, Word
from recon.config.nodes import Scalar

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class NotThat(Exception):
    """The scalar is no such thing."""


@cache
def _adapter(word: Word) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    types: dict[Word, Any] = {"number": float, "integer": int, "flag": bool, "complex": complex}
    return TypeAdapter(types[word])


def convert(kind: Plain, node: Scalar) -> Any:
    """The scalar as a value of that kind; :class:`NotThat` if it is none."""
    from pydantic import ValidationError

    if node.value is None:
        raise NotThat
    if kind.word == "text":
        return node.text
    if isinstance(node.value, bool) and kind.word != "flag":
        raise NotThat
    try:
        value = _adapter(kind.word).validate_python(node.value)
    except ValidationError:
        raise NotThat from None
    return value.real if isinstance(value, complex) and value.imag == 0 else value


def choose(kind: Choice, node: Scalar) -> Any:
    """The choice that the scalar spells; :class:`NotThat` if there is none."""
    for value in kind.values:
        if node.text == value or (node.value == value and type(node.value) is type(value)):
            return value
    raise NotThat
