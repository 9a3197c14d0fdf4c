from pathlib import Path
from typing import Any

import pytest

from recon.config.errors import ConfigError, Mark
from recon.config.nodes import Map, parse_yaml, plain, read_yaml, shown

HERE = Mark("job.yaml", 1, 1, Path("folder"))


def tree(text: str) -> Any:
    return parse_yaml(text, HERE)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 1e-3),
        ("1E3", 1e3),
        ("-2.5e+2", -250.0),
        (".5", 0.5),
        ("1_000", 1000),
        ("010", 10),
        (".inf", float("inf")),
        ("true", True),
        ("no", "no"),
        ("off", "off"),
        ("yes", "yes"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("~", None),
        ("'1e-3'", "1e-3"),
    ],
)
def test_words_and_numbers_mean_what_a_person_expects(word: str, value: Any) -> None:
    found = plain(tree(f"a: {word}"))["a"]
    assert found == value
    assert type(found) is type(value)


def test_every_key_and_value_knows_its_place_and_spelling() -> None:
    root = tree("a: 1\nb: {name: tv,\n    lam: 007}\n")
    assert isinstance(root, Map)
    inner = root.entries["b"]
    assert isinstance(inner, Map)
    assert str(inner.keys["lam"]) == "job.yaml:3:5"
    assert str(inner.entries["lam"].mark) == "job.yaml:3:10"
    assert inner.entries["lam"].text == "007"  # type: ignore[union-attr]
    assert inner.entries["lam"].mark.folder == Path("folder")


def test_merge_keys_bring_in_what_the_mapping_does_not_say_itself() -> None:
    assert plain(tree("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}"))["b"] == {"p": 1, "q": 3}
    assert plain(tree("a: &x {p: 1}\nc: &y {p: 2, r: 4}\nb: {<<: [*x, *y]}"))["b"] == {"p": 1, "r": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "job.yaml:2:1: the key 'a' stands here a second time; first at line 1."),
        ("a: [1, 2\nb: 3", "job.yaml:2:2: this is not valid YAML: expected ',' or ']', but got ':'."),
        ("a: !x 1", "job.yaml:1:4: YAML tags are not used in jobs, got '!x'."),
        ("? [1]\n: 2", "job.yaml:1:3: a key must be a word, got a list or a mapping."),
        ("a: {<<: 3}", "job.yaml:1:9: '<<' expects a mapping, got 3."),
        ("a: *x", "job.yaml:1:4: this is not valid YAML: found undefined alias 'x'."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        tree(text)
    assert str(error.value) == message


def test_a_control_character_is_no_yaml() -> None:
    with pytest.raises(ConfigError, match=r"^job.yaml:1:1: this is not valid YAML: "):
        tree("a: \x00")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name, message in {
        "none.yaml": "none.yaml: there is no such file.",
        ".": ".: this is a folder; expected a YAML file.",
        "binary.yaml": "binary.yaml: this is not a text file in UTF-8; expected YAML.",
    }.items():
        with pytest.raises(ConfigError) as error:
            read_yaml(Path(name))
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "words"),
    [("strong", "'strong'"), ("1e-3", "1e-3"), ("true", "true"), ("", "nothing"), ("{p: 1}", "a mapping")],
)
def test_values_are_quoted_as_they_were_written(text: str, words: str) -> None:
    assert shown(tree(f"a: {text}").entries["a"]) == words
    assert shown(tree("a: [1, x]").entries["a"]) == "the list [1, 'x']"
    assert shown(tree("a: [{b: 1}]").entries["a"]) == "a list"


def test_an_anchor_inside_itself_is_refused() -> None:
    """It ended in a RecursionError."""
    with pytest.raises(ConfigError, match="an anchor contains itself"):
        parse_yaml("input: &a [*a]", Mark("job.yaml", 1, 1, Path()))
