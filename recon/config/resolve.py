"""From a job file to a checked job: composition, components, and the rules that join several keys."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recon.config.components import JOB, Components
from recon.config.compose import compose
from recon.config.errors import ConfigError, Mark, nearest
from recon.config.job import VERSION
from recon.config.nodes import Map, Scalar, display, shown
from recon.config.scans import check_reader
from recon.config.values import ArraySpec, ComponentSpec, ImportSpec, components, paths, plain, scans
from recon.config.weights import check_weights
from recon.registry import find
from recon.signatures import find_class

READER = "recon.files.reader.Reader"
SOLVER = "recon.solvers.solver.Solver"
VARIATIONAL = "recon.priors.prior.VariationalPrior"
SAMPLER = "recon.solvers.sampling.sampler.Sampler"
GRID = ("datasets", "operators", "methods")
"""Keys that a benchmark has and a job has not."""


@dataclass(frozen=True)
class JobSpec:
    """A job in which everything that can be checked without running it has been checked.

    Attributes
    ----------
    file
        The job file.
    spec
        The whole job as a component.
    overrides
        The ``--set`` options that went into it.
    """

    file: Path
    spec: ComponentSpec
    overrides: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["spec"].params[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def priors(self) -> list[ComponentSpec | ImportSpec]:
        """The priors to add up."""
        prior = self.spec.params["prior"]
        return prior if isinstance(prior, list) else [] if prior is None else [prior]

    @property
    def folder(self) -> Path:
        """Where results go."""
        return Path(self.spec.params["output"].params["path"])

    def plain(self) -> dict[str, Any]:
        """The resolved job as it would be written, with every default."""
        return {key: value for key, value in plain(self.spec).items() if key != "base"}


def load_job(path: Path, overrides: Sequence[str] = (), out: Path | None = None) -> JobSpec:
    """Read, compose and check a job; a :class:`ConfigError` says where it is wrong.

    Parameters
    ----------
    overrides
        ``key.sub=value`` texts, applied in order.
    out
        Folder of the results, instead of the job's.
    """
    tree = compose(path, overrides)
    if is_benchmark(tree):
        key = next(key for key in GRID if key in tree.entries)
        raise ConfigError(tree.keys[key], f"{key!r} makes this a benchmark rather than a job; recon bench runs it.")
    return check_job(tree, path, overrides, out)


def is_benchmark(tree: Map) -> bool:
    """Whether a file describes a benchmark, not one job."""
    return any(key in tree.entries for key in GRID) and "input" not in tree.entries


def check_job(tree: Map, path: Path, overrides: Sequence[str] = (), out: Path | None = None) -> JobSpec:
    """The job that a tree describes; see :func:`load_job`."""
    check_version(tree)
    info = find_class("recon.config.job.Job")
    assert info is not None
    spec = Components().fill(info, "", JOB, tree)
    spec = _with_output(spec, path, out)
    spec = _with_solver(spec)
    _check_data_term(spec)
    check_weights(spec)
    _check_numbers(spec)
    _check_quantiles(spec)
    spec = _with_seed(spec)
    check_device(spec)
    _check_files(spec)
    _check_folders(spec)
    _check_angles(spec)
    _check_scans(spec)
    return JobSpec(path, spec, tuple(overrides))


def check_version(tree: Map) -> None:
    """Refuse files of another version of the format."""
    version = tree.entries.get("recon")
    if version is None:
        raise ConfigError(tree.mark, f"a job says which version of the format it is written in: recon: {VERSION}.")
    if not isinstance(version, Scalar) or version.value != VERSION:
        raise ConfigError(version.mark, f"this recon reads jobs of version {VERSION}, got {shown(version)}.")


def _with_output(spec: ComponentSpec, path: Path, out: Path | None) -> ComponentSpec:
    output = spec.params.get("output")
    if not isinstance(output, ComponentSpec):
        info = find_class("recon.config.job.Output")
        assert info is not None
        output = Components(inside=True).fill(info, "", "output", Map(spec.mark, {}, {}))
    if not output.params["formats"]:
        raise ConfigError(output.at("formats"), "output expects at least one of its formats.")
    folder = out or output.params["path"] or path.parent / "out" / path.stem
    marks = output.marks if out is None else {**output.marks, "path": Mark(f"--out {out}")}
    output = replace(output, params={**output.params, "path": Path(folder)}, marks=marks)
    return replace(spec, params={**spec.params, "output": output})


def _with_solver(spec: ComponentSpec) -> ComponentSpec:
    """Fill in the solver that picks one."""
    prior = spec.params["prior"]
    priors = prior if isinstance(prior, list) else [] if prior is None else [prior]
    without = [p for p in priors if not (isinstance(p, ComponentSpec) and _derives(p.path, VARIATIONAL))]
    if len(priors) > 1 and without:
        first = without[0]
        raise ConfigError(first.mark, f"only priors with an explicit cost add up, and {first.label} has none.")
    if spec.params["solver"] is not None:
        return spec
    auto = find(SOLVER, "auto")
    assert auto is not None
    solver = Components(inside=True).fill(auto.info, "auto", "solver 'auto'", Map(spec.mark, {}, {}))
    return replace(spec, params={**spec.params, "solver": solver})


def _with_seed(spec: ComponentSpec) -> ComponentSpec:
    """Hand the job's seed to a solver that draws random numbers and has not been given one of its own."""
    solver = spec.params["solver"]
    sampler = isinstance(solver, ComponentSpec) and _derives(solver.path, SAMPLER)
    if isinstance(solver, ComponentSpec) and not sampler:
        for name in ("samples", "chunk"):
            if spec.params[name] not in (None, 1):
                raise ConfigError(spec.at(name), f"{solver.label} draws no samples; leave {name!r} out.")
    if not isinstance(solver, ComponentSpec) or "seed" not in solver.params or solver.given("seed"):
        return spec
    solver = replace(solver, params={**solver.params, "seed": spec.params["seed"]})
    return replace(spec, params={**spec.params, "solver": solver})


def _derives(path: str, base: str) -> bool:
    info = find_class(path)
    return info is not None and info.derives(base)


def _check_data_term(spec: ComponentSpec) -> None:
    if spec.params["noise"] is not None and spec.params["fidelity"] is not None:
        raise ConfigError(
            spec.at("fidelity"), "a job has noise or a fidelity, not both: each says what data are worth."
        )


def _check_numbers(spec: ComponentSpec) -> None:
    for name, least in (("batch_size", 1), ("seed", 0), ("samples", 1), ("chunk", 1)):
        if spec.params[name] is not None and spec.params[name] < least:
            raise ConfigError(spec.at(name), f"{name} expects a whole number from {least} up, got {spec.params[name]}.")


def _check_quantiles(spec: ComponentSpec) -> None:
    output = spec.params["output"]
    quantiles = output.params["quantiles"]
    outside = [q for q in quantiles if not 0 <= q <= 1]
    if outside:
        raise ConfigError(output.at("quantiles"), f"quantiles are numbers from 0 to 1, got {outside[0]:g}.")
    if quantiles and spec.params["samples"] < 2:
        raise ConfigError(output.at("quantiles"), "quantiles need several samples; say samples: 100 or leave them out.")


def check_device(spec: ComponentSpec) -> None:
    """Refuse what is no name of a device."""
    device = spec.params["device"]
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigError(spec.at("device"), f"device expects 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}.")


def _check_files(spec: ComponentSpec) -> None:
    """Files that must be there: the input, and whatever components read."""
    reader = spec.params["input"]
    for component, name, path in paths(spec.params):
        text = display(path)
        if glob.has_magic(text) and component is reader:
            if not any(True for _ in glob.iglob(text, recursive=True)):
                raise ConfigError(component.at(name), f"{component.label} finds no file that matches {text!r}.")
        elif not path.exists():
            near = nearest(path.name, _names_in(path.parent))
            end = "." if near is None else f"; did you mean {display(path.with_name(near))!r}?"
            raise ConfigError(component.at(name), f"{component.label} finds no file or folder {text!r}{end}")


def _check_folders(spec: ComponentSpec) -> None:
    """Results must not lie where the next run would take them for input."""
    source = spec.params["input"].params.get("path") if isinstance(spec.params["input"], ComponentSpec) else None
    output = spec.params["output"]
    if not isinstance(source, Path):
        return
    folder = source if source.is_dir() else source.parent if glob.has_magic(source.name) else None
    if folder is not None and folder.resolve() == output.params["path"].resolve():
        raise ConfigError(output.at("path"), "the results would lie among the input, and be read as such next time.")


def _names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def _check_scans(spec: ComponentSpec) -> None:
    """A geometry that comes with the items needs a reader that finds one."""
    reader = spec.params["input"]
    info = find_class(reader.path) if isinstance(reader, ComponentSpec) else None
    for scan in scans(spec.params["operator"]):
        if scan.file is None and info is not None and ":" not in reader.path:
            check_reader(scan, info, reader.label)


def _attribute(path: str, name: str) -> Any:
    info = find_class(path)
    return None if info is None else info.attribute(name)


def _check_angles(spec: ComponentSpec) -> None:
    """Angles need a unit: nothing in a list of numbers tells degrees from radians."""
    steps = {step.name for step in spec.params["preprocess"] if isinstance(step, ComponentSpec)}
    reader = spec.params["input"]
    known = isinstance(reader, ComponentSpec) and _attribute(reader.path, "angles_in_radians") is True
    for component in components(spec.params):
        angles = component.params.get("angles")
        if not isinstance(angles, ArraySpec):
            continue
        converted = ("angles" in steps or known) and angles.source == "item"
        if converted and "angle_unit" in component.options:
            who = reader.label if known else "the preprocessing step 'angles'"
            said = f"{who} has brought them to radians; leave 'angle_unit' out"
            raise ConfigError(component.at("angle_unit"), f"{component.label}: {said}.")
        if not converted and "angle_unit" not in component.options:
            wanted = "'angle_unit: deg' or 'angle_unit: rad'"
            raise ConfigError(component.at("angles"), f"{component.label} needs {wanted} for its angles.")
