from pathlib import Path

import pytest

from recon.config.entries import Entry, entries
from recon.config.errors import ConfigError, Mark
from recon.config.nodes import Map, parse_yaml, plain


def read(text: str, axis: str) -> list[Entry]:
    tree = parse_yaml(text, Mark("b.yaml", 1, 1, Path()))
    assert isinstance(tree, Map)
    return entries(tree, axis)


def names(text: str, axis: str) -> list[str]:
    return [entry.id for entry in read(text, axis)]


def test_an_entry_is_called_by_its_id_or_its_component() -> None:
    text = "operators: [identity, {name: blur, psf: [[1]]}, {id: wide, name: blur, psf: [[1, 1]]}]"
    assert names(text, "operator") == ["identity", "blur", "wide"]
    text = "methods: [{solver: pdhg, prior: tv}, {solver: cgls}, {prior: [tv, nonneg]}, {id: 3}, {}]"
    assert names(text, "method") == ["pdhg-tv", "cgls", "tv+nonneg", "3", "auto"]
    assert names("methods: {solver: {name: json.Mine}, prior: json.Prior}", "method") == ["Mine-Prior"]


def test_one_entry_needs_no_list() -> None:
    assert names("datasets: {name: numpy, path: x.npy}", "dataset") == ["numpy"]
    assert names("operators: identity", "operator") == ["identity"]


def test_noise_may_be_missing() -> None:
    (entry,) = read("recon: 1", "noise")
    assert entry.id == "as measured"
    assert plain(entry.node) is None


@pytest.mark.parametrize(
    ("text", "axis", "expected"),
    [
        ("noise: {name: gaussian, sigma: {each: [0.1, 0.2]}}", "noise", ["gaussian-sigma=0.1", "gaussian-sigma=0.2"]),
        ("noise: {id: low, name: gaussian, sigma: {each: [1, 2]}}", "noise", ["low-sigma=1", "low-sigma=2"]),
        ("operators: {each: [identity, {name: blur}]}", "operator", ["identity", "blur"]),
        ("operators: {name: {each: [identity, blur]}}", "operator", ["identity", "blur"]),
        ("operators: {id: a, name: {each: [identity, blur]}}", "operator", ["a-identity", "a-blur"]),
        ("operators: {each: [{id: a, name: blur}, {id: b, name: blur}]}", "operator", ["a", "b"]),
        ("methods: {solver: pdhg, prior: {each: [tv, nonneg]}}", "method", ["pdhg-tv", "pdhg-nonneg"]),
        ("methods: {solver: {name: {each: [pdhg, fista]}}}", "method", ["pdhg", "fista"]),
        ("methods: {id: m, solver: {each: [pdhg, fista]}}", "method", ["m-solver=pdhg", "m-solver=fista"]),
        ("methods: {prior: [tv, {each: [nonneg, box]}]}", "method", ["tv+nonneg", "tv+box"]),
        (
            "methods: {prior: {each: [{name: tv, lam: 1}, {name: tv, lam: 2}]}}",
            "method",
            ["tv-prior=1", "tv-prior=2"],
        ),
        (
            "methods: {id: m, on: {operator: {each: [a, b]}}, solver: {name: cgls, stop: {max_iter: {each: [5]}}}}",
            "method",
            ["m-max_iter=5", "m-max_iter=5"],
        ),
    ],
)
def test_sweeps_make_names_that_say_what_was_taken(text: str, axis: str, expected: list[str]) -> None:
    """A name once said it twice, ``pdhg-tv-prior=tv``, and a sweep of plain names was no entry at all."""
    if len(set(expected)) < len(expected):
        with pytest.raises(ConfigError, match=f"a second {axis} is called {expected[0]!r}, as that at b.yaml:1:"):
            read(text, axis)
    else:
        assert names(text, axis) == expected


def test_keys_of_a_dataset_are_apart_from_those_of_its_reader() -> None:
    own = "id: photos, limit: 3, validation: 2, preprocess: [coil_maps], with: {noise: a}"
    text = f"datasets: {{name: numpy, path: x.npy, {own}}}"
    (entry,) = read(text, "dataset")
    assert plain(entry.node) == {"name": "numpy", "path": "x.npy"}
    assert [entry.key(key) for key in ("limit", "validation", "measured")] == [3, 2, False]
    assert plain(entry.preprocess) == ["coil_maps"]  # type: ignore[arg-type]
    assert entry.filter is not None
    assert entry.filter.admits({"noise": "a", "operator": "?", "method": "?"})


def test_a_method_with_a_parameter_to_find_takes_its_value() -> None:
    (entry,) = read("methods: {prior: {name: tv, lam: {tune: [1, 100]}}, on: {noise: a}}", "method")
    assert entry.id == "tv"
    assert plain(entry.method(0.5)) == {"prior": {"name": "tv", "lam": 0.5}}


@pytest.mark.parametrize(
    ("text", "axis", "message"),
    [
        ("operators: []", "operator", "1:12: 'operators' expects at least one entry."),
        ("operators: [3]", "operator", "1:13: 'operators' expects mappings, got 3."),
        ("methods: [pdhg]", "method", "1:11: 'methods' expects mappings, got 'pdhg'."),
        ("methods: [{each: [pdhg]}]", "method", "1:19: 'methods' expects mappings, got 'pdhg'."),
        ("methods: [{solvr: pdhg}]", "method", "1:12: a method takes no 'solvr'; did you mean 'solver'?"),
        ("methods: [{solver: pdhgg}]", "method", "1:20: there is no solver 'pdhgg'; did you mean 'pdhg'?"),
        (
            "methods: [{solver: pdhg, samples: 0}]",
            "method",
            "1:35: samples expects a whole number from 1 up, got 0.",
        ),
        (
            "datasets: {name: numpy, path: a, limit: 0}",
            "dataset",
            "1:41: limit expects a whole number from 1 up, got 0.",
        ),
        (
            "datasets: {name: numpy, path: a, validation: -1}",
            "dataset",
            "1:46: validation expects a whole number from 0 up, got -1.",
        ),
        (
            "datasets: {name: numpy, path: a, measured: maybe}",
            "dataset",
            "1:44: a dataset expects true or false for 'measured', got 'maybe'.",
        ),
        (
            "operators: [{name: blur, id: 'a*'}]",
            "operator",
            "1:30: an id is text without '*', '?' and '[', got 'a*'.",
        ),
        (
            "operators: [{name: blur, id: [a]}]",
            "operator",
            "1:30: an id is text without '*', '?' and '[', got the list ['a'].",
        ),
        ("operators: [{name: blur, id: }]", "operator", "1:29: an id is text without '*', '?' and '[', got nothing."),
        (
            "operators: [blur, {name: blur}]",
            "operator",
            "1:19: a second operator is called 'blur', as that at b.yaml:1:13; add an id.",
        ),
        (
            "methods: [{solver: cgls, on: {method: a}}]",
            "method",
            "1:31: 'on' takes no 'method'; it takes 'dataset', 'operator' and 'noise'.",
        ),
    ],
)
def test_malformed_entries(text: str, axis: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text, axis)
    assert str(error.value) == f"b.yaml:{message}"
