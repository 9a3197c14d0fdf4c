import pytest

from recon.config.parts import catalogue, find_anywhere, parts
from recon.registry import ROLES, find, members, snake_case

PRIOR, OPERATOR = "recon.priors.prior.Prior", "recon.operators.operator.Operator"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("TotalVariation", "total_variation"), ("CartesianMRI", "cartesian_mri"), ("PDHG", "pdhg"), ("L1", "l1")],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_names_find_their_classes() -> None:
    tv = find(PRIOR, "tv")
    assert tv is not None
    assert tv is find(PRIOR, "total_variation")
    assert tv.info.name == "TotalVariation"
    assert find(PRIOR, "TotalVariation") is None


def test_bases_functionals_and_open_ended_constructors_are_left_out() -> None:
    names = {member.info.name for member in members(OPERATOR)}
    assert {"Blur", "Mask", "Identity", "Composition"} <= names
    assert not names & {"Operator", "LinearOperator", "L1", "SquaredL2", "Stack", "Functional"}
    assert "Prior" not in {member.info.name for member in members(PRIOR)}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_role_has_members_with_names_of_their_own_and_a_summary(role) -> None:  # type: ignore[no-untyped-def]
    found = members(role.base)
    assert found
    names = [name for member in found for name in member.names]
    assert len(names) == len(set(names)), "two components answer to one name"
    assert all(member.info.summary for member in found)


def test_the_catalogue_is_what_the_rooms_list() -> None:
    """Every class of a role that Python finds in a room's list is in the catalogue, and nothing else."""
    import inspect

    from recon import operators, priors, solvers
    from recon.operators import Functional, Operator
    from recon.priors import Prior
    from recon.solvers import Solver

    for room, base in ((operators, Operator), (priors, Prior), (solvers, Solver)):
        listed = [getattr(room, name) for name in room.__all__]
        candidates = [cls for cls in listed if inspect.isclass(cls) and issubclass(cls, base) and cls is not base]
        wanted = set()
        for cls in candidates:
            kinds = {p.kind for p in inspect.signature(cls).parameters.values()}
            usable = not inspect.isabstract(cls) and inspect.Parameter.VAR_POSITIONAL not in kinds
            if usable and not issubclass(cls, Functional):
                wanted.add(cls.__name__)
        role = next(role for role in ROLES if role.base.endswith(f".{base.__name__}"))
        assert {member.info.name for member in members(role.base)} == wanted


def test_parts_are_what_parameters_of_components_may_be() -> None:
    assert {"dncnn", "vp_schedule"} <= {member.names[0] for member in parts()}
    assert all(not member.role for member in parts())


def test_anything_is_found_by_short_name_and_class_name() -> None:
    assert [member.info.name for member in find_anywhere("tv")] == ["TotalVariation"]
    assert find_anywhere("TotalVariation") == find_anywhere("tv")
    assert {member.role for member in find_anywhere("gaussian")} == {"noise", "prior"}
    assert sum(len(group) for _, group in catalogue()) > 20
