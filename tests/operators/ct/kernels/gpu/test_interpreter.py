"""Triton kernels, run by Triton's interpreter, against the kernels for the CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.operators.ct.kernels.gpu.scans import CASES, LONG, USUAL, centre

pytest.importorskip("triton")
ROOT = Path(__file__).resolve().parents[5]
WAYS = ("project", "backproject")
AGREEMENT = {torch.float32: 1e-5, torch.float64: 1e-12}
ADJOINTNESS = {torch.float32: 1e-6, torch.float64: 1e-14}


def interpret(part, folder):
    target = folder / f"{part}.pt"
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.operators.ct.kernels.gpu.interpreted", part, str(target)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return torch.load(target)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return interpret("short", tmp_path_factory.mktemp("short"))


@pytest.fixture(scope="module")
def long_results(tmp_path_factory):
    return interpret("long", tmp_path_factory.mktemp("long"))


def check_agreement(name, dtype, found, items):
    case = CASES[name]
    far = 1e4 if "far fan" in name else 1.0  # there places are differences of numbers of 1e7 pixels
    for way, out, data in zip(WAYS, found, case.data(dtype, items), strict=True):
        expected = case.on_cpu(way, data)
        assert out.dtype == dtype
        assert (
            name == "rays in plane: far beside" or float(expected.abs().amax((1, *range(2, expected.ndim))).min()) > 1
        )
        tolerance = AGREEMENT[dtype] * max(1.0, float(expected.abs().max())) * (far if dtype == torch.float64 else 1)
        torch.testing.assert_close(out, expected, rtol=0, atol=tolerance)


def check_adjointness(name, dtype, found, items):
    x, y = (part.double().flatten(1) for part in CASES[name].data(dtype, items))
    forth, back = (part.double().flatten(1) for part in found)
    gap = ((forth * y).sum(1) - (x * back).sum(1)).abs()
    assert bool((gap <= ADJOINTNESS[dtype] * forth.norm(dim=1) * y.norm(dim=1)).all())


@pytest.mark.parametrize("name", [name for name in CASES if name not in LONG])
def test_agrees_with_the_cpu_and_its_transpose_in_single_precision(name, results):
    check_agreement(name, torch.float32, results[name, torch.float32], range(2))
    check_adjointness(name, torch.float32, results[name, torch.float32], range(2))


@pytest.mark.parametrize("name", USUAL)
def test_agrees_with_the_cpu_and_its_transpose_in_double_precision(name, results):
    check_agreement(name, torch.float64, results[name, torch.float64], range(1, 2))
    check_adjointness(name, torch.float64, results[name, torch.float64], range(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", AGREEMENT)
@pytest.mark.parametrize("name", CASES)
def test_every_case_agrees_in_both_precisions(name, dtype, long_results):
    check_agreement(name, dtype, long_results[name, dtype], range(3))
    check_adjointness(name, dtype, long_results[name, dtype], range(3))


@pytest.mark.slow
@pytest.mark.parametrize("name", USUAL)
def test_large_batches_agree(name, long_results):
    check_agreement(name, torch.float32, long_results[name, 16], range(16))
    for way in (0, 1):
        assert torch.equal(long_results[name, 16][way][:3], long_results[name, torch.float32][way])


@pytest.mark.parametrize("name", USUAL)
def test_items_get_the_same_bits_in_any_batch_and_layout(name, results):
    """Five are taken as four and one, two together; the five are strided, so that they make a rerun as well."""
    check_agreement(name, torch.float32, results[name, "strided"], range(5))
    for way in (0, 1):
        five, two = results[name, "strided"][way], results[name, torch.float32][way]
        assert torch.equal(five[:2], two)
        assert torch.equal(results[name, 1][way], two[:1])


@pytest.mark.parametrize("name", USUAL)
def test_empty_batches(name, results):
    case = CASES[name]
    assert [tuple(out.shape) for out in results[name, 0]] == [(0, *case.views), (0, *case.shape)]


@pytest.mark.parametrize(("dtype", "items"), [(torch.bfloat16, 8), (torch.float16, 1)])
@pytest.mark.parametrize("name", USUAL)
def test_half_precision_is_summed_in_single(name, dtype, items, results):
    """What comes out is the rounded result of single precision; the interpreter cuts bfloat16 off instead."""
    case = CASES[name]
    for way, out, data in zip(WAYS, results[name, dtype], case.data(dtype, range(items)), strict=True):
        expected = case.on_cpu(way, data.float())
        assert out.dtype == dtype
        rounding = torch.finfo(dtype).eps * (1.0 if dtype == torch.bfloat16 else 0.5) * expected.abs()
        assert bool(((out.float() - expected).abs() <= rounding + 1e-5 * expected.abs().max()).all())


@pytest.mark.parametrize("name", USUAL)
def test_not_a_number_reaches_what_reads_it_and_nothing_else(name, results):
    case, (clean, broken) = CASES[name], (results[name, kind] for kind in (torch.float32, "NaN"))
    for n, (way, data) in enumerate(zip(WAYS, case.data(torch.float32, range(2)), strict=True)):
        one = torch.zeros_like(data[:1])
        one[0][centre(one[0])] = 1
        pool = torch.nn.functional.max_pool2d if one.ndim == 3 else torch.nn.functional.max_pool3d
        read, near = case.on_cpu(way, one)[0], case.on_cpu(way, pool(one, 3, 1, 1))[0]
        lost = broken[n][0].isnan()
        assert bool((read > 1e-3).any())
        assert bool(lost[read > 1e-3].all())
        assert not bool(lost[near == 0].any())
        assert torch.equal(broken[n][0][~lost], clean[n][0][~lost])
        assert torch.equal(broken[n][1], clean[n][1])
