import pytest

from recon.config.stopping import RULES, default_limits
from recon.parameters import Source
from recon.signatures import find_class


@pytest.mark.parametrize(
    ("expression", "limits"),
    [
        ("MaxIter(500)", {"max_iter": 500}),
        ("MaxIter(500) | Gap(1e-4)", {"max_iter": 500, "gap": 1e-4}),
        ("MaxIter(5) | Gap(0.1) | MaxSeconds(3)", {"max_iter": 5, "gap": 0.1, "seconds": 3}),
        ("MaxIter(5) & Gap(0.1)", {}),
        ("something()", {}),
    ],
)
def test_default_rules_are_read_from_their_source(expression: str, limits: dict[str, float]) -> None:
    assert default_limits(Source(expression)) == limits


def test_every_key_has_its_rule() -> None:
    for rule in RULES.values():
        assert find_class(f"recon.solvers.stopping.{rule}") is not None
