"""What a parameter accepts, as plain values that the checks, the messages and the JSON schema all read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Word = Literal["number", "integer", "flag", "text", "complex"]

_PHRASES: dict[Word, tuple[str, str]] = {
    "number": ("a number", "numbers"),
    "integer": ("a whole number", "whole numbers"),
    "flag": ("true or false", "true or false"),
    "text": ("text", "texts"),
    "complex": ("a number", "numbers"),
}


@dataclass(frozen=True)
class Plain:
    """A number, a whole number, true or false, or text."""

    word: Word

    @property
    def phrase(self) -> str:
        return _PHRASES[self.word][0]


@dataclass(frozen=True)
class Null:
    """Nothing: ``null``, or a key without a value."""

    phrase = "nothing"


@dataclass(frozen=True)
class Choice:
    """One of a few fixed values."""

    values: tuple[str | int | bool, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(repr(v) if isinstance(v, str) else str(v) for v in self.values)

    @property
    def phrase(self) -> str:
        words = self.words
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


@dataclass(frozen=True)
class File:
    """A path, relative to the file it is written in."""

    phrase = "a path"


@dataclass(frozen=True)
class Array:
    """A tensor: numbers, evenly spaced values, a file, or an array that comes with the item."""

    phrase = "an array (numbers, a file or from-file)"


@dataclass(frozen=True)
class Component:
    """An object made of a named class and its parameters; ``bases`` are the import paths of what it may derive from."""

    bases: tuple[str, ...]
    word: str

    @property
    def phrase(self) -> str:
        return f"{'an' if self.word[0] in 'aeio' else 'a'} {self.word}"


@dataclass(frozen=True)
class Object:
    """Something of another library: an import path, with parameters if it is a class."""

    phrase = "an import path such as my_package.MyModel"


@dataclass(frozen=True)
class Stop:
    """The keys that make up a stopping rule."""

    phrase = "a mapping such as {max_iter: 500, gap: 1e-4}"


@dataclass(frozen=True)
class ListOf:
    """Any number of values of one kind; ``length`` where it is fixed."""

    item: Kind
    length: int | None = None

    @property
    def phrase(self) -> str:
        count = "" if self.length is None else f"{self.length} "
        if isinstance(self.item, Plain):
            return f"a list of {count}{_PHRASES[self.item.word][1]}"
        if isinstance(self.item, Component):
            return f"a list of {self.item.word}s"
        return f"a list of {count}entries, each {self.item.phrase}"


@dataclass(frozen=True)
class MapOf:
    """A mapping from names to values of one kind."""

    item: Kind

    @property
    def phrase(self) -> str:
        return "a mapping" if isinstance(self.item, Anything) else f"a mapping from names to {self.item.phrase}"


@dataclass(frozen=True)
class Anything:
    """Whatever YAML can say; the component looks at it itself."""

    phrase = "a value"


@dataclass(frozen=True)
class Union:
    """Any of several kinds, tried in order."""

    options: tuple[Kind, ...]

    @property
    def phrase(self) -> str:
        phrases = list(dict.fromkeys(p for o in self.options if not isinstance(o, Null) for p in _phrases(o)))
        return " or ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


def _phrases(kind: Kind) -> tuple[str, ...]:
    return kind.words if isinstance(kind, Choice) else (kind.phrase,)


Kind = Plain | Null | Choice | File | Array | Component | Object | Stop | ListOf | MapOf | Anything | Union

_ORDER = (Null, Choice, Plain, Array, Component, Object, ListOf, MapOf, File, Stop, Anything)
_WORDS: tuple[Word, ...] = ("integer", "number", "complex", "flag", "text")


def union(options: Iterable[Kind]) -> Kind:
    """The union of some kinds, flattened, components joined, and put in the order in which they are tried.

    Exact matches come before conversions, and free text last, so that ``no`` is text where text is wanted, false where
    only true or false is, and ``auto`` a choice before it is a file.
    """
    flat: list[Kind] = []
    for option in options:
        flat += option.options if isinstance(option, Union) else (option,)
    components = [o for o in flat if isinstance(o, Component)]
    if len(components) > 1:
        bases = tuple(dict.fromkeys(base for c in components for base in c.bases))
        flat = [*(o for o in flat if not isinstance(o, Component)), Component(bases, components[0].word)]
    ordered = tuple(sorted(dict.fromkeys(flat), key=_rank))
    return ordered[0] if len(ordered) == 1 else Union(ordered)


def _rank(kind: Kind) -> tuple[int, int]:
    if isinstance(kind, Plain):
        if kind.word == "text":
            return len(_ORDER), 0
        return _ORDER.index(Plain), _WORDS.index(kind.word)
    return next(i for i, cls in enumerate(_ORDER) if isinstance(kind, cls)), 0


def optional(kind: Kind) -> bool:
    """Whether ``null`` is among what the kind accepts."""
    return isinstance(kind, Null | Anything) or (isinstance(kind, Union) and any(map(optional, kind.options)))
