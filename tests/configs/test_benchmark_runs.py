"""The benchmarks that are shipped: all are sound, every method runs, and known orderings come out."""

from __future__ import annotations

import contextlib
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat

from recon.bench.engine import Engine
from recon.bench.plan import Plan
from recon.bench.run import open_run
from recon.bench.store import Store
from recon.cli import main
from recon.config.grid import BenchSpec, load_bench
from recon.priors import DnCNN, SimpleCNN

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RUNS = sorted((CONFIGS / "benchmark").glob("*.yaml"))
SET12 = CONFIGS / "external" / "set12.yaml"
CSMRI = CONFIGS / "external" / "csmri.yaml"

ORDERS = {
    "ct": [("TV", "SIRT", "FBP"), ("TV", "wavelet")],
    "deblurring": [("PnP-ADMM", "TV", "wavelet"), ("TV", "Wiener")],
    "denoising": [("DRUNet", "TV", "wavelet")],
    "inpainting": [("PnP-ADMM", "TV", "wavelet")],
    "mri": [("TV", "SENSE", "zero-filled"), ("wavelet", "SENSE")],
}
"""Methods from the best to the worst mean PSNR under every condition of a run."""
ALSO = {"scratches": [("TV", "wavelet")]}
"""The same for operators that the denoiser, which is trained on noise, is not made for: it fills wide gaps slowly."""


@pytest.mark.parametrize("path", [*RUNS, SET12, CSMRI], ids=lambda path: path.stem)
def test_runs_are_sound(path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["config", "check", str(path), *shown(path, tmp_path)]) == 0
    assert "the benchmark is sound" in capsys.readouterr().out


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_runs_are_large_enough_and_keep_parameters_apart(path: Path) -> None:
    spec = load_bench(path)
    plan = Plan(spec)
    for place, combination in enumerate(spec.combinations):
        tested, kept = ({ref.id for ref in some(place)} for some in (plan.tested, plan.validation))
        assert len(tested) >= (4 if path.stem == "race" else 6)
        assert not tested & kept
        assert combination.method.tune is None or len(kept) == 2


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_every_method_runs(path: Path, tmp_path: Path) -> None:
    spec = thinned(path, tmp_path)
    engine = ready(spec)
    first = {cell.method: cell for cell in reversed(engine.plan.cells)}
    assert first.keys() == {entry.id for entry in spec.axes["method"]}
    for cell in first.values():
        record = engine.run(cell)
        assert record["status"] == "ok", record["error"]
        assert record["metrics"].keys() == set(spec.metrics), record["notes"]


def test_the_run_on_set12_takes_images_and_weights_by_set(tmp_path: Path) -> None:
    spec = load_bench(SET12, shown(SET12, tmp_path)[1::2], tmp_path / "out")
    engine = ready(spec)
    (cell,) = [cell for cell in engine.plan.cells if cell.item == "01_face"]
    record = engine.run(cell)
    arrays = engine.store.measurement(cell.measurement)
    network = DnCNN(tmp_path / "dncnn.pth")
    expected = network(torch.from_numpy(arrays["data"])[None, None])[0, 0]
    found = torch.from_numpy(engine.store.arrays(cell.key)["image"])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert record["calls"]["denoise"] == 1


def test_the_run_of_compressed_sensing_takes_masks_and_weights_by_set(tmp_path: Path) -> None:
    options = [*shown(CSMRI, tmp_path)[1::2], "methods.1.solver.stop.max_iter=2"]
    engine = ready(load_bench(CSMRI, options, tmp_path / "out"))
    assert len(engine.plan.cells) == 6
    for cell in engine.plan.cells[:2]:
        record = engine.run(cell)
        assert record["status"] == "ok", record["error"]
        assert record["calls"].get("denoise", 0) == (2 if cell.method == "PnP-ADMM" else 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ORDERS)
def test_known_orderings_come_out(name: str, tmp_path: Path) -> None:
    means = psnr_by_condition(run(name, tmp_path))
    assert means
    for condition, values in means.items():
        for order in ALSO.get(condition[1], ORDERS[name]):
            there = [values[method] for method in order]
            assert there == sorted(there, reverse=True), (condition, values)


@pytest.mark.slow
def test_all_solvers_of_the_race_reach_the_same_image(tmp_path: Path) -> None:
    records = run("race", tmp_path)
    assert {record["reason"] for record in records} == {"converged"}
    assert max(record["gap"] for record in records) <= 1e-3
    images = defaultdict(list)
    for record in records:
        images[record["item"]].append(record["metrics"]["psnr"])
    assert all(max(values) - min(values) < 0.1 for values in images.values()), images


def ready(spec: BenchSpec) -> Engine:
    """What solves the cells of a run, in a folder that is laid out."""
    return Engine(spec, open_run(spec, "").store, lambda: pytest.fail("a cell hangs"))


def shown(path: Path, folder: Path) -> list[str]:
    """Options that name what is not shipped: photographs of ours, and weights without training."""
    if path == CSMRI:
        return _csmri(folder)
    if path != SET12:
        return []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(DnCNN().state_dict(), folder / "dncnn.pth")
    weights = f"methods.0.prior.denoiser.weights={folder / 'dncnn.pth'}"
    return ["--set", f"datasets.0.path={CONFIGS.parent / 'data' / 'photos'}", "--set", weights]


def _csmri(folder: Path) -> list[str]:
    mask = np.random.default_rng(0).random((128, 128)) < 0.4
    savemat(folder / "mask.mat", {"Q11": mask.astype(np.uint8)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(SimpleCNN().state_dict(), folder / "cnn.pth")
    named = [f"operators.{place}.mask.file={folder / 'mask.mat'}" for place in range(3)]
    named.append(f"datasets.0.path={CONFIGS.parent / 'data' / 'photos' / '01_face.png'}")
    named.append(f"methods.1.prior.denoiser.weights={folder / 'cnn.pth'}")
    return [word for name in named for word in ("--set", name)]


def thinned(path: Path, out: Path) -> BenchSpec:
    """A run with few iterations, and few solves to find parameters."""
    spec = load_bench(path)
    few = ["tuning.max_solves=3", "timing.repeats=1", "timing.warm_up=0"]
    for place, dataset in enumerate(spec.axes["dataset"]):
        few += [f"datasets.{place}.validation=1"] if dataset.key("validation") else []
    for place, method in enumerate(spec.tree.entries["methods"].items):
        if "stop" in getattr(method.entries["solver"], "entries", {}):
            few.append(f"methods.{place}.solver.stop.max_iter=2")
    return load_bench(path, few, out)


def run(name: str, out: Path) -> list[dict[str, Any]]:
    """The records of a shipped run on the first three images of each dataset."""
    path = next(path for path in RUNS if path.stem == name)
    options = [f"datasets.{place}.limit=3" for place in range(len(load_bench(path).axes["dataset"]))]
    words = [word for option in [*options, "tuning.max_solves=8", "timing.repeats=1"] for word in ("--set", option)]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["bench", str(path), "--out", str(out), "--json", *words]) == 0
    said = json.loads(output.getvalue())
    assert Path(said["report"]).is_file()
    return list(Store.open(out).records())


def psnr_by_condition(records: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, float]]:
    """Mean PSNR of each method, by dataset, operator and noise."""
    found: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        condition = (record["dataset"], record["operator"], record["noise"])
        found[condition][record["method"]].append(record["metrics"]["psnr"])
    return {
        condition: {method: sum(values) / len(values) for method, values in methods.items()}
        for condition, methods in found.items()
    }
