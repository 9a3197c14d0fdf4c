from pathlib import Path

import pytest

from recon.config.errors import ConfigError, Mark
from recon.config.nodes import parse_yaml
from recon.config.patterns import Filter, read_filter

KNOWN = {"dataset": ["photos"], "operator": ["blur-1", "blur-2", "mask"], "noise": ["low"], "method": ["tv", "tgv"]}
NAMES = {"dataset": "photos", "operator": "blur-1", "noise": "low", "method": "tv"}


def read(text: str, *axes: str) -> Filter:
    return read_filter(parse_yaml(text, Mark("b.yaml", 1, 1, Path())), "'on'", *([axes] if axes else []))


@pytest.mark.parametrize(
    ("text", "admitted"),
    [
        ("{operator: blur-1}", True),
        ("{operator: blur-2}", False),
        ("{operator: 'blur-*'}", True),
        ("{operator: blur}", False),
        ("{operator: [mask, 'b*1']}", True),
        ("{operator: '*', method: t?}", True),
        ("{operator: 'blur-*', method: tgv}", False),
        ("{operator: BLUR-1}", False),
    ],
)
def test_every_axis_has_to_match_one_of_its_patterns(text: str, admitted: bool) -> None:
    assert read(text).admits(NAMES) is admitted


def test_numbers_are_names_as_they_are_written() -> None:
    assert read("{noise: 0.10}").admits({**NAMES, "noise": "0.10"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{operator: blurr-1}", "b.yaml:1:12: 'blurr-1' matches no operator; did you mean 'blur-1'?"),
        ("{operator: [mask, 'x*']}", "b.yaml:1:19: 'x*' matches no operator; there are 'blur-1', 'blur-2' and 'mask'."),
    ],
)
def test_a_pattern_that_matches_nothing(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text).check(KNOWN)
    assert str(error.value) == message


AXES = "'dataset', 'operator', 'noise' and 'method'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blur-1", f"b.yaml:1:1: 'on' expects a mapping of {AXES} to names, got 'blur-1'."),
        ("{}", f"b.yaml:1:1: 'on' expects a mapping of {AXES} to names, got an empty one."),
        ("{operators: mask}", "b.yaml:1:2: 'on' takes no 'operators'; did you mean 'operator'?"),
        ("{operator: }", "b.yaml:1:11: 'on' expects a name or a list of names for 'operator', got nothing."),
        ("{operator: []}", "b.yaml:1:12: 'on' expects a name or a list of names for 'operator', got the list []."),
        ("{operator: [{}]}", "b.yaml:1:12: 'on' expects a name or a list of names for 'operator', got a list."),
    ],
)
def test_what_is_no_filter(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text)
    assert str(error.value) == message


def test_an_axis_that_is_ones_own_is_none_to_choose() -> None:
    with pytest.raises(ConfigError, match=r"b.yaml:1:2: 'on' takes no 'method'; it takes 'dataset', 'operator' and "):
        read("{method: tv}", "dataset", "operator", "noise")
