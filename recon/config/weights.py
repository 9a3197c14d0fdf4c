"""Weights that a job has chosen from the data: ``lam: auto-discrepancy``."""

from __future__ import annotations

from recon.config.errors import ConfigError
from recon.config.values import ComponentSpec, ImportSpec, Value, components

AUTO = ("auto-discrepancy", "auto-evidence", "auto-gcv", "auto-l-curve", "auto-sure")
LEVEL_KNOWN = ("auto-discrepancy", "auto-evidence", "auto-sure")
"""Those that need the level of the noise."""

GAUSSIAN_ONLY = ("auto-evidence", "auto-gcv", "auto-sure")
GAUSSIAN = "recon.operators.noise.GaussianNoise"


def automatic(value: Value) -> bool:
    """Whether the λ of a prior is to be found."""
    return isinstance(value, ComponentSpec) and value.params.get("lam") in AUTO


def check_weights(spec: ComponentSpec) -> None:
    """At most one λ is found, of one of the job's own priors, by a criterion that knows enough of the noise."""
    prior = spec.params["prior"]
    priors = prior if isinstance(prior, list) else [] if prior is None else [prior]
    found = [p for p in priors if automatic(p)]
    for inner in components(priors):
        if automatic(inner) and not any(inner is p for p in priors):
            raise ConfigError(
                inner.at("lam"), f"{inner.label} has a lam to be found, which only the job's own priors can have."
            )
    if not found:
        return
    if len(found) > 1:
        second = found[1]
        raise ConfigError(second.at("lam"), "only one lam can be found; give the other priors a number.")
    _check_noise(spec, found[0])


def _check_noise(spec: ComponentSpec, prior: ComponentSpec) -> None:
    noise: ComponentSpec | ImportSpec | None = spec.params["noise"]
    rule = prior.params["lam"]
    what, mark = f"{prior.label} with lam: {rule}", prior.at("lam")
    if spec.params["fidelity"] is not None and rule != "auto-l-curve":
        raise ConfigError(mark, f"{what} needs a noise model, and the job compares by a fidelity; use auto-l-curve.")
    if noise is None and rule in LEVEL_KNOWN:
        wanted = "noise: {name: gaussian, sigma: 0.01} or sigma: estimate"
        raise ConfigError(mark, f"{what} needs the level of the noise, such as {wanted}.")
    if isinstance(noise, ComponentSpec) and noise.path != GAUSSIAN and rule in GAUSSIAN_ONLY:
        raise ConfigError(mark, f"{what} needs Gaussian noise, got {noise.label}; use auto-discrepancy.")
