from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.bench.atomic import StoreError
from recon.bench.store import Cell, Store
from recon.bench.writer import Writer


def cell(number: int, **changes: Any) -> Cell:
    made = Cell(
        key=f"{number:02d}key",
        slot=f"slot{number}",
        place=0,
        dataset="photos",
        item=f"image {number}",
        operator="blur",
        noise="low",
        method="tv",
        seed=0,
        measurement=f"m{number}",
    )
    return replace(made, **changes)


CELLS = [cell(number) for number in range(4)]


def record(one: Cell, **more: Any) -> dict[str, Any]:
    return {"key": one.key, "slot": one.slot, "status": "ok", **more}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "run")
    about = {"name": "small", "metrics": ["psnr"], "command": "recon bench b.yaml", "environment": {"python": "3"}}
    found.begin(about, "recon: 1\n", CELLS)
    return found


def test_what_a_run_says_of_itself(store: Store) -> None:
    found = Store.open(store.folder)
    assert (found.name, found.metrics, found.command) == ("small", ["psnr"], "recon bench b.yaml")
    assert found.environment == {"python": "3"}
    assert found.configuration == "recon: 1\n"
    assert list(found.plan()) == CELLS
    assert found.expected == 4
    assert CELLS[1].label == "tv on photos/image 1, blur, low, seed 0"


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r" holds no benchmark run: there is no plan.jsonl; recon bench makes one\.$"):
        Store.open(tmp_path)
    empty = Store(tmp_path)
    assert (list(empty.plan()), empty.finished(), list(empty.records()), empty.claims()) == ([], set(), [], [])
    assert (empty.name, empty.configuration, empty.environment) == (tmp_path.name, "", {})


def test_records_come_in_the_order_of_the_plan(store: Store) -> None:
    for one in (CELLS[3], CELLS[1]):
        store.save(record(one, metrics={"psnr": 20.5}), {"image": np.eye(3), "history/gap": np.ones(2)})
    assert [found["key"] for found in store.records()] == [CELLS[1].key, CELLS[3].key]
    assert store.record(CELLS[1].key) == record(CELLS[1], metrics={"psnr": 20.5})
    assert store.record(CELLS[0].key) is None
    np.testing.assert_array_equal(store.arrays(CELLS[3].key)["image"], np.eye(3))
    assert store.arrays(CELLS[0].key) == {}


def test_a_cell_is_there_once_its_record_is(store: Store) -> None:
    store.save(record(CELLS[0]), {"image": np.eye(3)})
    folder = store.folder / "cells" / CELLS[0].key[:2]
    (folder / f"{CELLS[0].key}.json").unlink()
    (folder / f".{CELLS[0].key}.json.0123abcd.part").write_text("{")
    assert store.finished() == set()
    assert store.record(CELLS[0].key) is None


def test_a_record_is_forgotten_and_made_anew(store: Store) -> None:
    store.save(record(CELLS[0], status="failed"), {})
    store.forget(CELLS[0].key)
    store.forget(CELLS[0].key)
    assert store.finished() == set()
    store.save(record(CELLS[0]), {})
    assert store.finished() == {CELLS[0].key}


def test_results_of_other_code_are_stale_and_those_of_another_plan_are_not(store: Store) -> None:
    store.save(record(cell(1, key="11old")), {})
    store.save(record(cell(9)), {})
    store.save(record(CELLS[2]), {})
    assert [found["key"] for found in store.stale()] == ["11old"]
    assert [found["key"] for found in store.records()] == [CELLS[2].key]


def test_measurements_and_parameters(store: Store) -> None:
    store.save_measurement("m1", {"data": np.arange(3.0)})
    np.testing.assert_array_equal(store.measurement("m1")["data"], np.arange(3.0))
    assert store.measurement("m2") == {}
    tuned = [cell(0, tuning="t1"), cell(1, tuning="t1"), cell(2, tuning="t2"), cell(3)]
    store.begin({}, "", tuned)
    store.save_tuning({"key": "t1", "value": 0.5})
    assert store.tuning("t2") is None
    assert list(store.tunings()) == [{"key": "t1", "value": 0.5}]
    store.forget_tuning("t1")
    assert list(store.tunings()) == []


def test_claims_are_of_others_while_these_live(store: Store) -> None:
    store.claim("a")
    assert store.claims() == ["a"]
    assert not store.taken("a"), "it is our own"
    assert not store.taken("b"), "nobody's"
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (store.folder / "claims" / "b").write_text(f"{socket.gethostname()} {process.pid}")
    assert store.taken("b")
    process.communicate(b"\n")
    assert not store.taken("b"), "its process is dead"
    (store.folder / "claims" / "b").write_text(f"another-machine {os.getpid()}")
    assert store.taken("b"), "nothing is known of processes elsewhere"
    store.release("a")
    store.release("a")
    assert store.claims() == ["b"]


@pytest.mark.parametrize("behind", [False, True])
def test_saving_a_cell_releases_it(behind: bool, store: Store) -> None:
    store.claim(CELLS[0].key)
    writer = Writer() if behind else None
    store.save(record(CELLS[0]), {"image": np.eye(2)}, writer)
    if writer is not None:
        writer.close()
    assert store.claims() == []
    assert store.finished() == {CELLS[0].key}


def test_a_folder_that_is_gone_is_said(store: Store) -> None:
    (store.folder / "claims").rmdir()
    with pytest.raises(StoreError, match=r"claims/a cannot be written \(No such file or directory\); what is complete"):
        store.claim("a")
