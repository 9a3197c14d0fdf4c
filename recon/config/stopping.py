"""Stopping rules of a job: ``stop: {max_iter: 500, gap: 1e-4}``."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from recon.config.errors import ConfigError, listed, suggestion
from recon.config.kinds import Plain, Stop
from recon.config.nodes import Map, Node, Scalar, shown
from recon.config.scalars import NotThat, convert
from recon.config.values import StopSpec
from recon.parameters import Source
from recon.signatures import ClassInfo, find_class

RULES = {
    "max_iter": "MaxIter",
    "gap": "Gap",
    "change": "RelChange",
    "residuals": "Residuals",
    "discrepancy": "Discrepancy",
    "seconds": "MaxSeconds",
}
"""Key of a job to class of :mod:`recon.solvers.stopping`."""


FROM_LOOP = ("change", "discrepancy")
"""What the loop measures for any solver."""


def check_stop(node: Node, owner: str, default: Any) -> StopSpec:
    """The rules to combine: the solver's own, with those that the job gives in their place; null takes one out."""
    if not isinstance(node, Map):
        raise ConfigError(node.mark, f"{owner} expects {Stop.phrase} for 'stop', got {shown(node)}.")
    limits: dict[str, Any] = dict(default_limits(default))
    for key, value in node.entries.items():
        if key not in RULES:
            raise ConfigError(node.keys[key], f"'stop' takes no {key!r}{suggestion(key, RULES)}")
        limits[key] = _limit(key, value)
    limits = {key: limits[key] for key in RULES if limits.get(key) is not None}
    if not limits:
        raise ConfigError(node.mark, "'stop' expects at least one rule, such as max_iter: 500.")
    return StopSpec(limits, node.mark, node.keys)


def _limit(key: str, node: Node) -> float | int | None:
    if isinstance(node, Scalar):
        if node.value is None:
            return None
        try:
            value: float = convert(Plain("integer" if key == "max_iter" else "number"), node)
        except NotThat:
            value = -1
        if value > 0 or (value == 0 and key == "max_iter"):
            return value
    wanted = "a whole number of iterations" if key == "max_iter" else "a number above 0"
    raise ConfigError(node.mark, f"'stop' expects {wanted} for {key!r}, got {shown(node)}.")


def default_limits(default: Any) -> Mapping[str, float | int]:
    """The rules in a default such as ``MaxIter(500) | Gap(1e-4)``; none where it is something else."""
    if not isinstance(default, Source):
        return {}
    return _limits(ast.parse(default.expression, mode="eval").body) or {}


def _limits(node: ast.expr) -> dict[str, float | int] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = _limits(node.left), _limits(node.right)
        return None if left is None or right is None else {**left, **right}
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
        key = next((key for key, rule in RULES.items() if rule == ast.unparse(node.func)), None)
        return None if key is None else {key: node.args[0].value}  # type: ignore[dict-item]
    return None


def check_measured(stop: StopSpec, solver: ClassInfo, label: str) -> None:
    """Refuse rules that read what the solver, as its source says, does not measure."""
    declared = solver.attribute("measures")
    if declared is None:
        return
    measured = {*declared, *FROM_LOOP}
    for key in stop.limits:
        if _needs(key) - measured:
            usable = [k for k in RULES if not _needs(k) - measured]
            raise ConfigError(
                stop.marks.get(key, stop.mark),
                f"{label} does not measure what 'stop' needs for {key!r}; it can stop on {listed(usable)}.",
            )


def _needs(key: str) -> set[str]:
    """The measurements that the rule behind a key reads."""
    rule = find_class(f"recon.solvers.stopping.{RULES[key]}")
    return set(rule.attribute("needs") or ()) if rule is not None else set()
