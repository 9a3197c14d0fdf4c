"""Every snippet of README.md and docs/ does what it says it does.

Python runs, top to bottom, in one namespace a page. Jobs and benchmarks are checked and run for a few iterations; parts
of them are put over a whole one and checked. Commands of ``sh`` blocks run where they are recon's own; commands in
other blocks and in running text are checked for their names and options. A snippet whose first line is a comment with a
file's name is saved under it, for the snippets after it. Paths are those of the page, in a copy of the repository.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch
import typer

from recon.cli import main
from recon.cli.app import app
from recon.config.grid import load_bench
from recon.config.resolve import load_job
from recon.operators import FanBeam, ParallelBeam
from recon.phantoms import disc

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FEW = "solver.stop.max_iter=3"

WHOLE = {
    "ct": """
recon: 1
input: {name: hdf5, path: DATA/ct/few_view.h5, keys: {data: data, angles: angles}}
operator: {name: ray_transform, geometry: {name: parallel_beam, angles: from-file, angle_unit: rad}}
prior: tv
""",
    "bench": """
recon: 1
datasets: [{name: images, path: DATA/photos, validation: 2}]
operators: [identity]
noise: {name: gaussian, sigma: 0.05}
methods: [{solver: pdhg, prior: tv}]
""",
    "photo": """
recon: 1
input: {name: images, path: DATA/photo/masked.png}
operator: {name: mask, mask: DATA/photo/mask.png}
prior: tv
""",
}
"""Jobs and a benchmark that parts are put over."""

BENCH = r"^(datasets|operators|methods|exclude|seeds|limits|timing|tuning|metrics):"
"""What tells a benchmark."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block and where it stands."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name in its first line, where that is a comment with nothing else."""
        match = re.match(r"# ([\w./-]+\.\w+)\n", self.text)
        return match[1] if match else None


def snippets(page: Path) -> Iterator[Snippet]:
    """The fenced blocks of a page."""
    lines = page.read_text(encoding="utf-8").split("\n")
    start: int | None = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("```"):
            continue
        if start is None:
            start, language = number, line[3:].strip()
        else:
            yield Snippet(page, start + 1, language, "\n".join(lines[start : number - 1]) + "\n")
            start = None
    assert start is None, f"{page.name}:{start} opens a block that nothing closes"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What pages refer to, in a place where results may be written."""
    for name in ("data", "configs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    scans(tmp_path / "docs" / "scans")
    return tmp_path


def scans(folder: Path) -> None:
    """Stand-ins, with fewer bins, for scans that pages read and the repository does not hold."""
    (folder / "series").mkdir(parents=True)
    (folder / "head.nii").touch()
    (folder / "radial.mrd").touch()
    fan = FanBeam([pi * view / 360 for view in range(721)], 48, 410.66, 553.74, 2.0)
    parameters = {
        "distanceSourceOrigin": fan.source_to_axis,
        "distanceSourceDetector": fan.source_to_detector,
        "pixelSizePost": fan.pitch,
        "effectivePixelSizePost": 0.139,
        "numDetectorsPost": fan.bins,
        "angles": np.rad2deg(fan.angles),
    }
    noise = np.random.default_rng(0).normal(0, 0.01, fan.shape)
    scan = {"sinogram": disc(20.0, 0.03, 8.0).line_integrals(fan).numpy() + noise, "parameters": parameters}
    scipy.io.savemat(folder / "htc2022_ta_full.mat", {"CtDataFull": scan})
    turn = ParallelBeam([pi * view / 89 for view in range(90)], 64, 0.0065, 0.01)
    counts = 1000 * torch.exp(-disc(0.12, 5.0, 0.04).line_integrals(turn))
    with h5py.File(folder / "tooth.h5", "w") as file:
        file["exchange/data"] = counts[:, None].expand(-1, 2, -1).numpy() + 10
        file["exchange/data_white"] = np.full((3, 2, turn.bins), 1010.0, np.float32)
        file["exchange/data_dark"] = np.full((3, 2, turn.bins), 10.0, np.float32)
        file["exchange/theta"] = np.rad2deg(turn.angles)
        file["exchange/theta"].attrs["units"] = "degrees"
    half = ParallelBeam([pi * view / 192 for view in range(192)], 48, 3.375)
    behind = 40 * np.exp(-disc(50.0, 0.0096, 0.0).line_integrals(half).numpy())
    scipy.io.savemat(folder / "transmission.mat", {"counts": np.random.default_rng(1).poisson(behind).T.astype(float)})
    scipy.io.savemat(folder / "blank.mat", {"counts": np.full(half.shape[::-1], 40.0)})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_snippets_run(page: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy / page.parent.relative_to(ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    namespace: dict[str, object] = {"__name__": page.stem}
    for snippet in snippets(page):
        if snippet.file is not None:
            (folder / snippet.file).write_text(snippet.text, encoding="utf-8")
        if snippet.language == "python":
            code = compile("\n" * (snippet.line - 1) + snippet.text, page.name, "exec")
            exec(code, namespace)
        elif snippet.language == "yaml":
            run_job(snippet, copy)
        elif snippet.language == "sh":
            for words in commands(snippet.text):
                run_command(words, snippet)
        else:
            assert snippet.language in ("", "text"), f"{snippet.place}: what is {snippet.language!r}?"
            for words in commands(snippet.text):
                if words[:1] == ["recon"]:
                    check_command(words[1:], snippet.place)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_in_running_text_exist(page: Path) -> None:
    for text in re.findall(r"`recon ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        check_command(shlex.split(text), page.name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if not re.match(r"https?:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("words", "wrong"),
    [(["reconstrukt", "job.yaml"], "reconstrukt"), (["config", "sho"], "sho"), (["info", "--jsn"], "--jsn")],
)
def test_wrong_commands_are_noticed(words: list[str], wrong: str) -> None:
    with pytest.raises(AssertionError, match=wrong):
        check_command(words, "here")


def test_the_error_in_the_readme_is_the_one_that_comes(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(copy)
    (job,) = (snippet.text for snippet in snippets(ROOT / "README.md") if snippet.file == "job.yaml")
    Path("job.yaml").write_text(job.replace("lam:", "lambda:"), encoding="utf-8")
    assert main(["config", "check", "job.yaml"]) == 2
    assert f"`{capsys.readouterr().err.strip()}`" in (ROOT / "README.md").read_text(encoding="utf-8")


def commands(text: str) -> Iterator[list[str]]:
    """The words of every command, comments left out."""
    for line in text.replace("\\\n", " ").split("\n"):
        words = shlex.split(line, comments=True)
        if words:
            yield words


def run_job(snippet: Snippet, copy: Path) -> None:
    """Check a job or a benchmark, and run it if it is whole."""
    whole = re.search(r"^(recon|base):", snippet.text, re.MULTILINE) is not None
    bench = re.search(BENCH, snippet.text, re.MULTILINE) is not None
    file = Path(snippet.file or "snippet.yaml")
    if not whole:
        kind = "bench" if bench else "ct" if re.search(r"ray_transform|fbp|few_view", snippet.text) else "photo"
        (copy / "whole.yaml").write_text(WHOLE[kind].replace("DATA", str(copy / "data")), encoding="utf-8")
        file.write_text(f"base: {copy / 'whole.yaml'}\n{snippet.text}", encoding="utf-8")
    else:
        file.write_text(snippet.text, encoding="utf-8")
    assert main(["config", "check", str(file)]) == 0, snippet.place
    if whole:
        out = copy / "out" / f"{snippet.page.stem}-{snippet.line}"
        command = ["bench", str(file), *small(file)] if bench else ["reconstruct", str(file), *few(file)]
        assert main([*command, "--out", str(out), "--quiet"]) == 0, snippet.place


def few(job: Path) -> list[str]:
    """The option that cuts a job short, where it says when to stop."""
    params = getattr(load_job(job, []).solver, "params", {})
    named = "solver:" in job.read_text(encoding="utf-8") or "base:" in job.read_text(encoding="utf-8")
    return ["--set", FEW] if "stop" in params and named else []


def small(bench: Path) -> list[str]:
    """Options that leave a benchmark one image of each kind, and its solvers and searches a few iterations."""
    spec = load_bench(bench)
    options = ["tuning.max_solves=3"]
    for place, dataset in enumerate(spec.axes["dataset"]):
        options += [f"datasets.{place}.limit=1", f"datasets.{place}.validation={min(1, dataset.key('validation'))}"]
    options += [f"methods.{place}.{FEW}" for place in range(len(spec.axes["method"]))]
    return [word for option in options for word in ("--set", option)]


def run_command(words: list[str], snippet: Snippet) -> None:
    """Run a command of ours; see that others are there."""
    program, *rest = words
    if program == "recon":
        check_command(rest, snippet.place)
        if rest[0] != "doctor":  # which judges the machine
            options = few(Path(rest[1])) if rest[0] == "reconstruct" else []
            assert main([*rest, *options]) == 0, f"{snippet.place}: {shlex.join(words)}"
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"{snippet.place}: {words}"
    elif program == "python" and rest[0].endswith(".py"):
        assert (ROOT / rest[0]).is_file(), f"{snippet.place}: {rest[0]}"
    else:
        assert program in ("git", "cd", "pip"), f"{snippet.place}: what is {program!r}?"


def check_command(words: list[str], place: str) -> None:
    """See that a command of ours and its options exist."""
    command, rest = typer.main.get_command(app), list(words)
    while (members := getattr(command, "commands", None)) is not None and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        assert name in members, f"{place}: recon has no command {name!r}"
        command = members[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    assert unknown == [], f"{place}: recon {shlex.join(words)} has no option {unknown}"
