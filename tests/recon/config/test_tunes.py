from pathlib import Path

import pytest

from recon.config.errors import ConfigError, Mark
from recon.config.nodes import Map, parse_yaml, plain
from recon.config.tunes import Tune, find_tune, with_value


def method(text: str) -> Map:
    node = parse_yaml(text, Mark("b.yaml", 1, 1, Path()))
    assert isinstance(node, Map)
    return node


def found(text: str) -> Tune:
    tune = find_tune(method(text))
    assert tune is not None
    return tune


def test_a_range_is_searched_from_its_geometric_middle() -> None:
    tune = found("{prior: {name: tv, lam: {tune: [1e-3, 1e-1]}}}")
    assert (tune.name, tune.path, tune.low, tune.high) == ("prior.lam", ("prior", "lam"), 1e-3, 1e-1)
    assert tune.values == ()
    assert tune.middle == pytest.approx(1e-2)
    assert tune.plain() == {"tune": [1e-3, 1e-1]}
    assert str(tune.mark) == "b.yaml:1:25"


def test_values_to_choose_from_may_be_zero_and_in_any_order() -> None:
    tune = found("{solver: {name: pdhg, ratio: {tune: {values: [3, 0, 1]}}}}")
    assert (tune.values, tune.low, tune.high, tune.middle) == ((3, 0, 1), 0, 3, 3)
    assert tune.plain() == {"tune": {"values": [3, 0, 1]}}


def test_a_value_takes_its_place_in_mappings_and_lists() -> None:
    text = method("{id: a, prior: [nonneg, {name: tv, lam: {tune: [1, 4]}}]}")
    tune = find_tune(text)
    assert tune is not None
    assert tune.name == "prior.1.lam"
    changed = with_value(text, tune, 0.25)
    assert plain(changed) == {"id": "a", "prior": ["nonneg", {"name": "tv", "lam": 0.25}]}
    assert plain(text)["prior"][1]["lam"] == {"tune": [1, 4]}, "the method itself stays"


def test_without_one_there_is_none() -> None:
    assert find_tune(method("{prior: {name: tv, lam: 1}}")) is None


WRONG = "'tune' expects [low, high] with 0 < low < high, or {values: [...]}, got"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{lam: {tune: [1]}}", f"1:14: {WRONG} the list [1]."),
        ("{lam: {tune: [2, 1]}}", f"1:14: {WRONG} the list [2, 1]."),
        ("{lam: {tune: [0, 1]}}", f"1:14: {WRONG} the list [0, 1]."),
        ("{lam: {tune: [1, .inf]}}", f"1:14: {WRONG} the list [1, inf]."),
        ("{lam: {tune: [yes, 2]}}", f"1:14: {WRONG} the list ['yes', 2]."),
        ("{lam: {tune: [true, 2]}}", f"1:14: {WRONG} the list [True, 2]."),
        ("{lam: {tune: 3}}", f"1:14: {WRONG} 3."),
        ("{lam: {tune: {values: [1]}}}", f"1:14: {WRONG} a mapping."),
        ("{lam: {tune: {values: [1, x]}}}", f"1:14: {WRONG} a mapping."),
        ("{lam: {tune: {low: 1, high: 2}}}", f"1:14: {WRONG} a mapping."),
        ("{lam: {tune: [1, 2], metric: psnr}}", "1:22: a parameter to tune takes nothing beside 'tune', got 'metric'."),
        (
            "{lam: {tune: [1, 2]}, rho: {tune: [1, 2]}}",
            "1:28: a method has one parameter to tune at most, and lam is one.",
        ),
    ],
)
def test_what_cannot_be_tuned(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        find_tune(method(text))
    assert str(error.value) == f"b.yaml:{message}"
