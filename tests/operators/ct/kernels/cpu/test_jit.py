"""Compilation of kernels."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np

from recon.operators.ct.kernels.cpu import jit


def test_without_a_folder_for_the_cache_kernels_still_compile(monkeypatch):
    plain = numba.njit

    def without_folders(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available for file")
        return plain(*args, **options)

    monkeypatch.setattr(jit.numba, "njit", without_folders)
    assert jit.kernel(lambda x: x + 1)(2.0) == 3.0


def test_an_edited_neighbour_makes_the_cache_stale(tmp_path):
    """Numba compares the file of the kernel alone, and went on running helpers that had been edited."""
    (tmp_path / "jit.py").write_text(Path(jit.__file__).read_text())
    (tmp_path / "top.py").write_text(
        "from helper import value\nfrom jit import kernel\n\n@kernel\ndef top():\n    return value()\n\n"
        "print(top(), sum(top.stats.cache_hits.values()))\n"
    )
    printed = []
    for number in ("1", "1", "23"):
        (tmp_path / "helper.py").write_text(f"from jit import exact\n\n@exact\ndef value():\n    return {number}\n")
        run = subprocess.run(
            [sys.executable, "top.py"],
            cwd=tmp_path,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        printed.append(run.stdout.split())
    assert printed == [["1", "0"], ["1", "1"], ["23", "0"]]


def test_exact_helpers_round_every_operation():
    """A product fused into the sum would keep the part of a · b below its last bit."""

    def residue(a, b, c):
        return a * b + c

    a = 1.0 + 2.0**-30
    assert jit.exact(residue)(a, a, -(a * a)) == 0.0
    assert np.isnan(jit.kernel(residue)(a, np.nan, 1.0))


def test_exact_helpers_that_a_kernel_compiles_first_do_not_take_its_arithmetic():
    """Numba hands a caller's fast-math flags down to helpers that have none of their own."""
    residue = jit.exact(lambda a, b, c: a * b + c)
    a = 1.0 + 2.0**-30
    assert jit.kernel(lambda a, c: residue(a, a, c))(a, -(a * a)) == 0.0
