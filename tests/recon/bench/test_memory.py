import mmap

import numpy as np
import pytest
import torch

from recon.bench import memory
from recon.bench.memory import Peak, resident

MIB = 2**20


def touched(mebibytes: int) -> np.ndarray:
    """Pages that are new to the process, which those of a freed heap would not be."""
    pages = np.frombuffer(mmap.mmap(-1, mebibytes * MIB), dtype=np.float64)
    pages[:] = 1
    return pages


def test_the_peak_counts_what_is_gone_again() -> None:
    peak = Peak(torch.device("cpu"))
    peak.start()
    held = touched(64)
    del held
    found = peak.read()
    assert found["kind"] == "rss"
    assert 60 * MIB < int(found["peak"]) < 90 * MIB


def test_a_second_start_begins_anew() -> None:
    peak = Peak(torch.device("cpu"))
    peak.start()
    held = touched(64)
    del held
    peak.start()
    assert int(peak.read()["peak"]) < 30 * MIB


def test_what_is_in_use_before_does_not_count() -> None:
    held = touched(32)
    peak = Peak(torch.device("cpu"))
    peak.start()
    assert int(peak.read()["peak"]) < 10 * MIB
    assert held.size


def test_resident_memory_grows_by_what_is_touched() -> None:
    before = resident()
    held = touched(64)
    assert 60 * MIB < resident() - before < 80 * MIB
    assert held.size


def test_elsewhere_than_on_linux_the_high_water_of_the_process_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")  # type: ignore[operator]
    monkeypatch.setattr(memory, "_RESET", tmp_path / "none" / "none")  # type: ignore[operator]
    assert resident() > 50 * MIB
    peak = Peak(torch.device("cpu"))
    peak.start()
    assert int(peak.read()["peak"]) >= 0


def test_on_cuda_it_is_what_torch_allocates(monkeypatch: pytest.MonkeyPatch) -> None:
    reset = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset.append)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 350)
    peak = Peak(torch.device("cuda:0"))
    peak.start()
    assert peak.read() == {"peak": 250, "kind": "cuda"}
    assert reset == [torch.device("cuda:0")]
