"""Runs Triton kernels in its interpreter, as the environment must say, and saves what they give."""

import sys

import torch

from recon.operators.ct.kernels.gpu import on_gpu
from tests.operators.ct.kernels.gpu.scans import CASES, LONG, USUAL, centre


def run(case, way, items):
    function = on_gpu(way, "pixels_" if case.kind == "pixels" else "")
    return function(items, case.table, case.constant, case.detector if way == "project" else case.shape)


def both(case, data):
    x, y = data
    return run(case, "project", x), run(case, "backproject", y)


def agreement(names, dtype, items):
    for name in names:
        yield (name, dtype), both(CASES[name], CASES[name].data(dtype, items))


def batches(names, sizes):
    for name in names:
        for size in sizes:
            yield (name, size), both(CASES[name], CASES[name].data(torch.float32, range(size)))


def layouts():
    for name in USUAL:
        data = [part.mT.contiguous().mT for part in CASES[name].data(torch.float32, range(5))]
        assert not any(part.is_contiguous() for part in data)
        yield (name, "strided"), both(CASES[name], data)


def not_a_number():
    for name in USUAL:
        data = CASES[name].data(torch.float32, range(2))
        for part in data:
            part[0][centre(part[0])] = torch.nan
        yield (name, "NaN"), both(CASES[name], data)


PARTS = {
    "short": lambda: [
        agreement([name for name in CASES if name not in LONG], torch.float32, range(2)),
        agreement(USUAL, torch.float64, range(1, 2)),
        agreement(USUAL, torch.bfloat16, range(8)),
        agreement(USUAL, torch.float16, range(1)),
        batches(USUAL, (0, 1)),
        layouts(),
        not_a_number(),
    ],
    "long": lambda: [
        agreement(CASES, torch.float32, range(3)),
        agreement(CASES, torch.float64, range(3)),
        batches(USUAL, (16,)),
    ],
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.save({key: value for part in PARTS[sys.argv[1]]() for key, value in part}, sys.argv[2])
