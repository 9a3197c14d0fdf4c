from pathlib import Path

import pytest

from recon.bench.progress import Progress
from tests.recon.bench.tiny import engine_of, lay_out, run, spec_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path)


def test_it_grows_with_the_run(folder: Path) -> None:
    engine = engine_of(folder)
    progress = Progress(engine.store).look()
    assert (progress.total, progress.done, progress.working) == (4, 0, [])
    for number, cell in enumerate(engine.plan.cells, start=1):
        engine.run(cell)
        assert progress.look().done == number
    assert {method: dict(count) for method, count in progress.statuses.items()} == {
        "tv": {"all": 2, "ok": 2},
        "least": {"all": 2, "ok": 2},
    }
    assert progress.psnr["tv"] == [r["metrics"]["psnr"] for r in engine.store.records() if r["method"] == "tv"]
    assert progress.latest == max(record["finished"] for record in engine.store.records())


def test_a_plan_that_changes_is_read_again(folder: Path) -> None:
    store, _ = run(folder)
    progress = Progress(store).look()
    assert (progress.total, progress.done) == (4, 4)
    run(folder, "seeds=[0, 1]", "methods.0.solver.stop.max_iter=2", "datasets.limit=1")
    assert (progress.look().total, progress.done) == (4, 4)
    store.begin({}, "", engine_of(folder, "seeds=[0, 1, 2]").plan.cells)
    assert progress.look().total == 12
    assert progress.done == 5
    assert spec_of(folder).folder != store.folder


def test_what_another_process_works_at(folder: Path) -> None:
    engine = engine_of(folder)
    cell = engine.plan.cells[1]
    (engine.store.folder / "claims" / cell.key).write_text("another-machine 3")
    assert Progress(engine.store).look().working == [cell.label]
    engine.run(engine.plan.cells[0])
    (engine.store.folder / "claims" / cell.key).unlink()
    assert Progress(engine.store).look().working == []
