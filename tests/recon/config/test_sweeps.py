from pathlib import Path
from typing import Any

import pytest

from recon.config.errors import ConfigError, Mark
from recon.config.nodes import parse_yaml, plain
from recon.config.sweeps import suffix, variants


def every(text: str) -> list[tuple[Any, str]]:
    """What a text stands for, and what each variant adds to its name."""
    return [(plain(node), suffix(tags)) for node, tags in variants(parse_yaml(text, Mark("b.yaml", 1, 1, Path())))]


def test_without_a_sweep_there_is_one_variant() -> None:
    assert every("{name: tv, lam: [1, 2]}") == [({"name": "tv", "lam": [1, 2]}, "")]


def test_sweeps_multiply_and_the_last_is_fastest() -> None:
    assert every("{a: {each: [1, 2]}, b: 0, c: {each: [x, y, z]}}") == [
        ({"a": a, "b": 0, "c": c}, f"-a={a},c={c}") for a in (1, 2) for c in "xyz"
    ]


def test_sweeps_within_lists_and_mappings() -> None:
    found = every("{prior: [{name: tv, lam: {each: [1, 2]}}, {each: [nonneg, box]}]}")
    assert [tail for _, tail in found] == [f"-lam={lam},prior={name}" for lam in (1, 2) for name in ("nonneg", "box")]
    assert found[1][0] == {"prior": [{"name": "tv", "lam": 1}, "box"]}


def test_a_sweep_inside_a_sweep() -> None:
    assert every("{noise: {each: [{name: gaussian, sigma: {each: [1, 2]}}, poisson]}}") == [
        ({"noise": {"name": "gaussian", "sigma": 1}}, "-noise=gaussian,sigma=1"),
        ({"noise": {"name": "gaussian", "sigma": 2}}, "-noise=gaussian,sigma=2"),
        ({"noise": "poisson"}, "-noise=poisson"),
    ]


def test_a_sweep_that_is_an_entry_of_a_sweep_adds_its_own_entries() -> None:
    """They were once called 1 and 1-1."""
    assert every("{a: {each: [{each: [1, 2]}, 3]}}") == [({"a": a}, f"-a={a}") for a in (1, 2, 3)]


def test_entries_whose_names_are_equal_are_numbered() -> None:
    """Both were once called tv, and the benchmark was refused for it."""
    text = "{prior: {each: [{name: tv, lam: 1}, {name: tv, lam: 2}]}}"
    assert [tail for _, tail in every(text)] == ["-prior=1", "-prior=2"]


def test_parameters_of_one_name_are_told_apart_by_where_they_stand() -> None:
    text = "{solver: {rho: {each: [1, 2]}}, prior: {rho: {each: [3]}}}"
    assert [tail for _, tail in every(text)] == ["-solver.rho=1,prior.rho=3", "-solver.rho=2,prior.rho=3"]


@pytest.mark.parametrize(
    ("values", "tails"),
    [
        ("[1e-3, 0.10]", ["-p=1e-3", "-p=0.10"]),
        ("[[3, 4], [5, 6]]", ["-p=3x4", "-p=5x6"]),
        ("[[[3], 4], [1, 2, 3, 4, 5]]", ["-p=1", "-p=2"]),
        ("[null, yes]", ["-p=null", "-p=yes"]),
        ("[{file: a.npy}, {file: b.npy}]", ["-p=1", "-p=2"]),
        ("[{name: tv}, {id: mine, name: tv}]", ["-p=tv", "-p=mine"]),
    ],
)
def test_labels(values: str, tails: list[str]) -> None:
    assert [tail for _, tail in every(f"{{p: {{each: {values}}}}}")] == tails


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: {each: 3}}", "b.yaml:1:12: 'each' expects a list of at least one entry, got 3."),
        ("{a: {each: []}}", "b.yaml:1:12: 'each' expects a list of at least one entry, got the list []."),
        ("{a: {each: {b: 1}}}", "b.yaml:1:12: 'each' expects a list of at least one entry, got a mapping."),
        ("{a: {each: [1], name: tv}}", "b.yaml:1:17: a sweep takes nothing beside 'each', got 'name'."),
    ],
)
def test_what_is_no_sweep(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        every(text)
    assert str(error.value) == message
