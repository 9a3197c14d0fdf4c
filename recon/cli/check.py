"""The laws, run on a class or an object that the command line names."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from recon.config.errors import ConfigError, Mark
from recon.config.foreign import foreign
from recon.config.nodes import Scalar
from recon.config.parts import find_anywhere

if TYPE_CHECKING:
    from recon.testing import Report


def check_command(target: str, *, as_json: bool) -> int:
    """Run every law that applies; 1 if one is broken."""
    reports = [_check(example, target) for value in _load(target) for example in _examples(value, target)]
    broken = sum(len(report.failures) for report in reports)
    if as_json:
        print(json.dumps([_plain(report) for report in reports], indent=2, ensure_ascii=False))
        return int(broken > 0)
    for report in reports:
        print(f"{report}\n")
    held = sum(result.outcome == "passed" for report in reports for result in report.results)
    what = f"{len(reports)} examples" if len(reports) != 1 else "1 example"
    print(f"{target}: {f'{broken} laws broken, ' if broken else ''}{held} laws hold on {what}.")
    return int(broken > 0)


def _load(target: str) -> list[Any]:
    """What the target names: everything of ours that answers to a short name, or one thing to import."""
    from recon.run.loading import load

    ours = [member.info.path for member in find_anywhere(target)]
    try:
        return [load(path) for path in ours or [foreign(Scalar(Mark("recon check"), target, target))[0]]]
    except ConfigError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError("recon check", f"{target} cannot be imported: {type(error).__name__}: {reason}") from error


def _examples(value: Any, target: str) -> Iterator[Any]:
    """The object itself, or the examples of a class."""
    if not inspect.isclass(value):
        yield value
        return
    examples = getattr(value, "examples", None)
    if examples is None:
        raise ConfigError(
            "recon check", f"{target} is no operator, functional, noise model, data term, prior or solver of recon."
        )
    try:
        yield from examples()
    except TypeError as error:
        advice = "give it a classmethod examples() that yields small instances, or name an instance"
        raise ConfigError("recon check", f"{target} makes no examples ({error}); {advice}.") from error


def _check(example: Any, target: str) -> Report:
    from recon import testing
    from recon.operators import DataTerm, Functional, NoiseModel, Operator
    from recon.priors import Prior
    from recon.solvers import Solver

    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[0], Solver):
        return testing.check_solver(*example, collect=True)
    if isinstance(example, Functional):
        return testing.check_functional(example, collect=True)
    if isinstance(example, Operator):
        return testing.check_operator(example, collect=True)
    if isinstance(example, NoiseModel):
        return testing.check_noise(example, collect=True)
    if isinstance(example, DataTerm):
        return testing.check_data_term(example, collect=True)
    if isinstance(example, Prior):
        return testing.check_prior(example, collect=True)
    if isinstance(example, Solver):
        raise ConfigError(
            "recon check", f"{target} is a solver without a problem; name its class, which has examples()."
        )
    kinds = "an operator, functional, noise model, data term, prior or solver of recon"
    raise ConfigError("recon check", f"{target} is {type(example).__name__}, not {kinds}.")


def _plain(report: Report) -> dict[str, Any]:
    rows = [{"law": r.law, "outcome": r.outcome, "detail": r.detail, "statement": r.statement} for r in report.results]
    return {"subject": report.subject, "passed": report.passed, "laws": rows}
