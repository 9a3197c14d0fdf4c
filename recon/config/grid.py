"""From a benchmark file to its grid: every combination of its entries that is run, checked as the job that it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.config.bench import METRICS, Benchmark
from recon.config.components import Components
from recon.config.compose import compose
from recon.config.entries import LISTS, Entry, entries
from recon.config.errors import ConfigError, Mark, suggestion
from recon.config.foreign import foreign, is_path
from recon.config.nodes import List, Map, Node, Scalar, is_null
from recon.config.patterns import AXES, Filter, read_filter
from recon.config.resolve import JobSpec, check_device, check_job, check_version
from recon.config.values import ESTIMATE, ComponentSpec, plain
from recon.signatures import find_class

Quadruple = tuple[Entry, Entry, Entry, Entry]
_FROM_METHOD = ("solver", "prior", "fidelity", "samples", "chunk")


@dataclass(frozen=True)
class Combination:
    """A method on a dataset, measured by an operator under some noise.

    Attributes
    ----------
    scene
        The job without its method: how the measurement comes about.
    job
        The job that each of its cells is; where a parameter is to be found, with one from the middle of its range.
    """

    dataset: Entry
    operator: Entry
    noise: Entry
    method: Entry
    scene: JobSpec
    job: JobSpec

    @property
    def names(self) -> dict[str, str]:
        """Axis to id."""
        return {axis: getattr(self, axis).id for axis in AXES}

    @property
    def seeded(self) -> bool:
        """Whether seeds make a difference: to the measurement, or to the solver."""
        if not self.dataset.key("measured"):
            return True
        solver = self.job.solver
        return isinstance(solver, ComponentSpec) and "seed" in solver.params and not solver.given("seed")


@dataclass(frozen=True)
class BenchSpec:
    """A benchmark in which everything that can be checked without running it has been checked.

    Attributes
    ----------
    file
        The benchmark file.
    spec
        Its plain keys as a component.
    axes
        The entries of each axis.
    combinations
        Every one that is run, methods fastest.
    overrides
        The ``--set`` options that went into it.
    """

    file: Path
    tree: Map
    spec: ComponentSpec
    axes: dict[str, list[Entry]]
    combinations: tuple[Combination, ...]
    overrides: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["spec"].params[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def folder(self) -> Path:
        """Where the run goes."""
        return Path(self.spec.params["output"].params["path"])

    def job(self, combination: Combination, value: float) -> JobSpec:
        """The job of a combination with a value for the parameter that is to be found."""
        entry = combination.method
        parts = (combination.dataset, combination.operator, combination.noise)
        return _job(self.tree, self.file, self.spec.params["output"], parts, entry.method(value), entry.mark)

    def plain(self) -> dict[str, Any]:
        """The resolved benchmark as it would be written: sweeps written out, defaults filled in, paths absolute."""
        own = {key: value for key, value in plain(self.spec).items() if key not in (*LISTS.values(), "base")}
        first: dict[str, dict[str, Combination]] = {axis: {} for axis in AXES}
        for combination in self.combinations:
            for axis, name in combination.names.items():
                first[axis].setdefault(name, combination)
        lists = {LISTS[axis]: [_plain(axis, one) for one in found.values()] for axis, found in first.items()}
        if "noise" not in self.tree.entries:
            del lists["noise"]
        return {"recon": own.pop("recon"), "name": own.pop("name"), **lists, **own}


def load_bench(path: Path, overrides: Sequence[str] = (), out: Path | None = None) -> BenchSpec:
    """Read, compose and check a benchmark; a :class:`ConfigError` says where it is wrong.

    Parameters
    ----------
    overrides
        ``key.sub=value`` texts, applied in order.
    out
        Folder of the run, instead of the benchmark's.
    """
    tree = compose(path, overrides)
    if "input" in tree.entries and not set(LISTS.values()) & set(tree.entries) - {"noise"}:
        mark = tree.keys["input"]
        raise ConfigError(mark, "'input' makes this a job rather than a benchmark; recon reconstruct runs it.")
    check_version(tree)
    info = find_class(f"{Benchmark.__module__}.{Benchmark.__qualname__}")
    assert info is not None
    spec = Components().fill(info, "", "a benchmark", _listing(tree))
    spec = _settled(spec, path, out)
    check_device(spec)
    _check_numbers(spec)
    _check_metrics(spec, tree)
    axes = {axis: entries(tree, axis) for axis in AXES}
    known = {axis: [entry.id for entry in some] for axis, some in axes.items()}
    for entry in (entry for some in axes.values() for entry in some):
        if entry.filter is not None:
            entry.filter.check(known)
    found = _combinations(tree, axes, known)
    return BenchSpec(path, tree, spec, axes, _checked(tree, path, spec.params["output"], found), tuple(overrides))


def _listing(tree: Map) -> Map:
    """The tree with single entries as lists of one."""
    wrapped: dict[str, Node] = dict(tree.entries)
    for key in (*LISTS.values(), "exclude", "seeds", "metrics"):
        node = wrapped.get(key)
        if node is not None and not isinstance(node, List) and not is_null(node):
            wrapped[key] = List(node.mark, (node,))
    return Map(tree.mark, wrapped, tree.keys)


def _settled(spec: ComponentSpec, path: Path, out: Path | None) -> ComponentSpec:
    """The plain keys with the name, and the nested ones that were left out."""
    params = dict(spec.params)
    for key, name in (("output", "Destination"), ("limits", "Limits"), ("timing", "Timing"), ("tuning", "Tuning")):
        if not isinstance(params.get(key), ComponentSpec):
            info = find_class(f"recon.config.bench.{name}")
            assert info is not None
            params[key] = Components(inside=True).fill(info, "", key, Map(spec.mark, {}, {}))
    params["name"] = params["name"] or path.stem
    output: ComponentSpec = params["output"]
    folder = out or output.params["path"] or path.parent / "out" / path.stem
    marks = output.marks if out is None else {"path": Mark(f"--out {out}")}
    params["output"] = ComponentSpec(output.path, "", "output", {"path": Path(folder)}, output.mark, marks)
    return ComponentSpec(spec.path, spec.name, spec.label, params, spec.mark, spec.marks, spec.options)


def _check_numbers(spec: ComponentSpec) -> None:
    seeds = spec.params["seeds"]
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ConfigError(spec.at("seeds"), f"'seeds' expects different whole numbers from 0 up, got {seeds}.")
    for part, name, least, word in (
        ("limits", "seconds", 0, "a number above 0"),
        ("limits", "memory", 0, "a number above 0"),
        ("timing", "repeats", 0, "a whole number from 1 up"),
        ("timing", "warm_up", -1, "a whole number from 0 up"),
        ("tuning", "tol", 0, "a number above 0"),
        ("tuning", "max_solves", 2, "a whole number from 3 up"),
    ):
        inner: ComponentSpec = spec.params[part]
        value = inner.params[name]
        if value is not None and not value > least:
            raise ConfigError(inner.at(name), f"{part} expects {word} for {name!r}, got {value}.")


def _check_metrics(spec: ComponentSpec, tree: Map) -> None:
    node = tree.entries.get("metrics")
    items = node.items if isinstance(node, List) else () if node is None else (node,)
    if not spec.params["metrics"]:
        raise ConfigError(spec.at("metrics"), "'metrics' expects at least one metric.")
    paths = []
    for name, item in zip(spec.params["metrics"], items, strict=False):
        assert isinstance(item, Scalar)
        if name not in METRICS and not is_path(name):
            end = suggestion(name, METRICS, "known are")
            raise ConfigError(item.mark, f"there is no metric {name!r}{end}")
        paths.append(name if name in METRICS else foreign(item)[0])
    if paths:
        spec.params["metrics"][:] = paths


def _combinations(tree: Map, axes: dict[str, list[Entry]], known: dict[str, list[str]]) -> list[Quadruple]:
    """Every combination that filters and exclusions leave; ConfigError where one of them changes nothing."""
    excluded = tree.entries.get("exclude")
    items = excluded.items if isinstance(excluded, List) else () if excluded is None else (excluded,)
    rules = [read_filter(node, "'exclude'") for node in items]
    for rule in rules:
        rule.check(known)
    everything = [
        (dataset, operator, noise, method)
        for dataset in axes["dataset"]
        for operator in axes["operator"]
        for noise in axes["noise"]
        for method in axes["method"]
    ]
    wanted = [chosen for chosen in everything if _fits(chosen)]
    for rule in rules:
        if not any(rule.admits(_names(chosen)) for chosen in wanted):
            raise ConfigError(rule.mark, "this excludes nothing: no combination is of this kind.")
    found = [chosen for chosen in wanted if not any(rule.admits(_names(chosen)) for rule in rules)]
    present = {(entry.axis, entry.id) for chosen in found for entry in chosen}
    for axis in AXES:
        for entry in axes[axis]:
            if (axis, entry.id) not in present:
                raise ConfigError(entry.mark, f"the {axis} {entry.id!r} is part of no combination; see its filters.")
    return found


def _fits(chosen: Quadruple) -> bool:
    names = _names(chosen)
    return all(entry.filter is None or entry.filter.admits(names) for entry in chosen)


def _names(chosen: Quadruple) -> dict[str, str]:
    return {entry.axis: entry.id for entry in chosen}


def _checked(tree: Map, path: Path, output: ComponentSpec, found: list[Quadruple]) -> tuple[Combination, ...]:
    """The combinations with the jobs that they are."""
    scenes: dict[tuple[str, ...], JobSpec] = {}
    combinations = []
    for dataset, operator, noise, method in found:
        parts = (dataset, operator, noise)
        key = tuple(part.id for part in parts)
        if key not in scenes:
            scenes[key] = _job(tree, path, output, parts, Map(dataset.mark, {}, {}), dataset.mark)
            _check_scene(scenes[key], dataset)
        tune = method.tune
        settings = method.method(0.0 if tune is None else tune.middle)
        job = _job(tree, path, output, parts, settings, method.mark)
        if tune is not None and not dataset.key("validation"):
            said = f"{tune.name} of the method {method.id!r} is to be found, and the dataset {dataset.id!r} keeps no"
            raise ConfigError(tune.mark, f"{said} items for that; say validation: 2 there, or leave it out by 'on'.")
        combinations.append(Combination(dataset, operator, noise, method, scenes[key], job))
    return tuple(combinations)


def _check_scene(scene: JobSpec, dataset: Entry) -> None:
    """Images need noise of a known level to be measured."""
    if dataset.key("measured"):
        return
    if scene.noise is None:
        raise ConfigError(
            dataset.mark,
            f"the dataset {dataset.id!r} holds images, and nothing says how measurements of them scatter; "
            "add noise, or measured: yes where the items are measurements.",
        )
    if isinstance(scene.noise, ComponentSpec) and ESTIMATE in scene.noise.params.values():
        mark = scene.noise.at("sigma")
        raise ConfigError(mark, f"{scene.noise.label} makes the measurements of {dataset.id!r}; give its level.")


def _job(
    tree: Map, path: Path, output: ComponentSpec, chosen: tuple[Entry, Entry, Entry], method: Map, mark: Mark
) -> JobSpec:
    """A combination as a job, whose parts stand where they stand in the benchmark."""
    dataset, operator, noise = chosen
    place, folder = output.at("path"), str(output.params["path"].absolute())
    parts: dict[str, Node] = {"recon": tree.entries["recon"], "input": dataset.node, "operator": operator.node}
    parts["output"] = Map(place, {"path": Scalar(place, folder, folder)}, {"path": place})
    if not is_null(noise.node) and "fidelity" not in method.entries:
        parts["noise"] = noise.node
    if dataset.preprocess is not None:
        parts["preprocess"] = dataset.preprocess
    parts |= {key: method.entries[key] for key in _FROM_METHOD if key in method.entries}
    parts |= {key: tree.entries[key] for key in ("device", "dtype") if key in tree.entries}
    return check_job(Map(mark, parts, {key: node.mark for key, node in parts.items()}), path)


def seedless(job: JobSpec) -> dict[str, Any]:
    """The resolved job, less the seed of a solver that takes the run's: written down it would be the solver's own."""
    found, solver = job.plain(), job.solver
    if isinstance(solver, ComponentSpec) and "seed" in solver.params and not solver.given("seed"):
        del found["solver"]["seed"]
    return found


def _plain(axis: str, chosen: Combination) -> dict[str, Any]:
    job, entry = seedless(chosen.job if axis == "method" else chosen.scene), getattr(chosen, axis)
    named: dict[str, Any] = {"id": entry.id}
    if axis == "dataset":
        keys = {key: plain(value) for key, value in entry.keys.params.items() if key != "id" and value is not None}
        named |= {**job["input"], **keys, "preprocess": job["preprocess"]}
    elif axis == "method":
        named |= {key: job[key] for key in _FROM_METHOD if job[key] is not None}
        if entry.tune is not None:
            _insert(named, entry.tune.path, entry.tune.plain())
    else:
        named |= job[axis] or {}
    filter_: Filter | None = entry.filter
    if filter_ is not None:
        some = {key: [text for text, _ in patterns] for key, patterns in filter_.patterns.items()}
        named["on" if axis == "method" else "with"] = some
    return named


def _insert(tree: Any, path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        tree = tree[step]
    tree[path[-1]] = value
