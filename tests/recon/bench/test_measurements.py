"""A measurement is a function of item, operator, noise and seed, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from recon.bench.measurements import generator
from recon.files import DataError
from recon.operators import GaussianBlur
from tests.recon.bench.tiny import BENCH, engine_of, lay_out, run, squares


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path)


def measured(folder: Path, *overrides: str) -> dict[tuple[str, ...], np.ndarray]:
    """The data of every cell, without solving any."""
    engine = engine_of(folder, *overrides)
    found = {}
    for cell in engine.plan.cells:
        names = (cell.item, cell.operator, cell.noise, str(cell.seed), cell.method)
        found[names] = engine.measurements.of(cell).data.numpy()
    return found


def same(one: dict[tuple[str, ...], np.ndarray], other: dict[tuple[str, ...], np.ndarray]) -> bool:
    """Whether the data are equal, bit for bit, for everything that both have."""
    both = one.keys() & other.keys()
    assert both
    return all(one[key].tobytes() == other[key].tobytes() for key in both)


def test_all_methods_get_the_same_data(folder: Path) -> None:
    store, _ = run(folder, "methods.0.solver.stop.max_iter=1")
    by_item: dict[str, set[str]] = {}
    for record in store.records():
        by_item.setdefault(record["item"], set()).add(record["measurement"])
    assert {len(keys) for keys in by_item.values()} == {1}
    assert len(list((store.folder / "measurements").iterdir())) == 2
    found = measured(folder)
    for item in ("0", "1"):
        tv, least = (found[item, "gaussian_blur", "gaussian", "0", method] for method in ("tv", "least"))
        assert tv.tobytes() == least.tobytes()


def test_they_are_a_blurred_image_and_noise(folder: Path) -> None:
    np.save(folder / "images" / "0.npy", np.kron(squares(0), np.ones((4, 4), dtype=np.float32)))
    data = measured(folder)["0", "gaussian_blur", "gaussian", "0", "tv"]
    image = torch.from_numpy(np.load(folder / "images" / "0.npy"))
    noise = data - GaussianBlur(1.0, (64, 64))(image).numpy()
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    assert abs(noise.mean()) < 0.003
    assert data.dtype == np.float32


def test_nothing_else_of_the_benchmark_changes_them(folder: Path) -> None:
    first = measured(folder)
    for overrides in (
        ["methods=[{id: tv, solver: fista, prior: {name: tv, lam: 9}}]"],
        ["seeds=[5, 0]"],
        ["operators=[identity, {name: gaussian_blur, std: 1}]"],
        ["noise=[poisson, {name: gaussian, sigma: 0.05}]"],
        ["datasets={name: numpy, path: images, id: images, limit: 1}"],
        ["datasets={name: numpy, path: images, id: images, validation: 1}"],
        ["metrics=[nmse]", "timing.repeats=2", "limits.seconds=9", "name=other"],
    ):
        assert same(first, measured(folder, *overrides)), overrides
    (folder / "images" / "0.npy").unlink()
    assert same(first, measured(folder)), "the other items"


@pytest.mark.parametrize(
    "override", ["seeds=[1]", "operators.std=1.5", "noise.sigma=0.06", "datasets.id=others", "dtype=float64"]
)
def test_each_of_what_they_depend_on_changes_them(folder: Path, override: str) -> None:
    first, second = (list(measured(folder, *more).values()) for more in ([], [override]))
    assert all(one.tobytes() != other.tobytes() for one, other in zip(first, second, strict=True))


def test_the_content_of_an_item_decides_not_its_place(folder: Path) -> None:
    first = engine_of(folder).plan.cells
    (folder / "images").rename(folder / "moved")
    moved = engine_of(folder, "datasets.path=moved").plan.cells
    assert [cell.key for cell in moved] == [cell.key for cell in first]
    np.save(folder / "moved" / "0.npy", squares(3))
    changed = engine_of(folder, "datasets.path=moved").plan.cells
    assert [a.measurement == b.measurement for a, b in zip(first, changed, strict=True)] == [False, False, True, True]


def test_streams_of_items_and_seeds_are_their_own() -> None:
    def draw(*words: object) -> list[float]:
        return torch.rand(3, generator=generator(*words)).tolist()  # type: ignore[arg-type]

    assert draw(0, "a", "x") == draw(0, "a", "x")
    others = [
        draw(0, "a", "x"),
        draw(1, "a", "x"),
        draw(0, "b", "x"),
        draw(0, "a", "y"),
        draw(0, "ax", ""),
        draw(0, "", "ax"),
    ]
    assert len({tuple(one) for one in others}) == len(others)


def test_they_are_stored_once_and_taken_from_there(folder: Path) -> None:
    engine = engine_of(folder)
    cell = engine.plan.cells[0]
    data = engine.measurements.of(cell).data
    arrays = engine.store.measurement(cell.measurement)
    np.testing.assert_array_equal(arrays["data"], data.numpy())
    np.testing.assert_array_equal(arrays["truth"], squares(0))
    assert arrays["guess"].shape == (16, 16)
    engine.store.save_measurement(cell.measurement, {**arrays, "data": arrays["data"] + 1})
    again = engine_of(folder)
    assert torch.equal(again.measurements.of(cell).data, data + 1)
    assert torch.equal(again.measurements.of(cell).truth, torch.from_numpy(squares(0)))


MEASURED = BENCH.replace("path: images, id: images", "path: images, KEYS, id: scans, measured: yes").replace(
    "{name: gaussian_blur, std: 1}", "identity"
)


def test_data_that_are_measured_stay_as_they_are(folder: Path) -> None:
    for number in (0, 1):
        np.savez(folder / "images" / f"{number}.npz", data=squares(number) + 0.1, truth=squares(number))
        (folder / "images" / f"{number}.npy").unlink()
    (folder / "bench.yaml").write_text(MEASURED.replace("KEYS", "keys: {data: data, truth: truth}"))
    engine = engine_of(folder, "seeds=[1, 2]")
    assert len(engine.plan.cells) == 4, "no seed makes a difference"
    item = engine.measurements.of(engine.plan.cells[0])
    np.testing.assert_array_equal(item.data.numpy(), squares(0) + np.float32(0.1))
    arrays = engine.store.measurement(engine.plan.cells[0].measurement)
    np.testing.assert_array_equal(arrays["truth"], squares(0))


def test_measured_data_without_noise_or_truth(folder: Path) -> None:
    (folder / "bench.yaml").write_text(
        MEASURED.replace("KEYS, ", "").replace("noise: {name: gaussian, sigma: 0.05}\n", "")
    )
    store, summary = run(folder, "methods.1={id: huber, solver: pdhg, fidelity: {name: huber, delta: 1}, prior: tv}")
    assert summary.statuses == {"ok": 4}
    for record in store.records():
        assert record["metrics"] == {}
        assert record["notes"][0] == "psnr needs the truth."
        assert record["data_range"] is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_item_that_is_not_finite_is_refused(folder: Path, value: float) -> None:
    image = squares(0)
    image[2, 3] = value
    np.save(folder / "images" / "0.npy", image)
    engine = engine_of(folder)
    with pytest.raises(DataError, match=r"0\.npy holds 1 of 256 values that are NaN or infinite"):
        engine.measurements.of(engine.plan.cells[0])
    assert engine.store.measurement(engine.plan.cells[0].measurement) == {}


def test_what_preprocessing_makes_infinite_is_refused(folder: Path) -> None:
    engine = engine_of(folder, "datasets.preprocess=[{name: scale, factor: 1e39}]")
    with pytest.raises(DataError, match=r"0\.npy is not finite, it has NaN or infinity\.$"):
        engine.measurements.of(engine.plan.cells[0])


def test_counts_of_a_blurred_image_whose_zeros_are_not_exact(folder: Path) -> None:
    """Rounding in the Fourier transforms made some means negative, which was refused."""
    engine = engine_of(folder, "noise=poisson")
    data = engine.measurements.of(engine.plan.cells[0]).data
    assert bool((data >= 0).all())
    assert torch.equal(data, data.round())
