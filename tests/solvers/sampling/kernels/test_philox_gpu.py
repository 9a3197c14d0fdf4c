"""The Triton kernel: run by Triton's interpreter against the CPU, and compiled for the GPUs that are meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recon.solvers.sampling.random import by_torch

triton = pytest.importorskip("triton")
ROOT = Path(__file__).resolve().parents[4]
SCRIPT = """
import sys, torch
from recon.solvers.sampling.kernels.philox_gpu import normals
streams, steps = torch.tensor([3, 0, 2**40 + 5]), torch.tensor([1, 0, (7 << 20) + 2])
torch.save([normals(seed, streams, steps, 40, dtype)
            for seed in (0, 12345678901234567, -3) for dtype in (torch.float32, torch.float64)], sys.argv[1])
"""


def test_the_interpreter_gives_what_the_cpu_gives(tmp_path) -> None:
    target = tmp_path / "out.pt"
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(target)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = iter(torch.load(target))
    streams, steps = torch.tensor([3, 0, 2**40 + 5]), torch.tensor([1, 0, (7 << 20) + 2])
    for seed in (0, 12345678901234567, -3):
        for dtype, error in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
            wanted = by_torch(seed, streams, steps, 40, dtype)
            torch.testing.assert_close(next(found), wanted, rtol=error, atol=error)


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="Triton interprets")
@pytest.mark.parametrize("real", ["fp32", "fp64"])
@pytest.mark.parametrize("capability", [80, 90])
def test_it_compiles(capability, real, tmp_path, monkeypatch) -> None:
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from recon.operators.ct.kernels.gpu.compile import OPTIONS
    from recon.solvers.sampling.kernels.philox_gpu import BLOCK, draw

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    signature = {"streams": "*i64", "steps": "*i64", "out": f"*{real}", "seed": "i64", "blocks": "i32"}
    signature |= {"REAL": "constexpr", "BLOCK": "constexpr"}
    constants = {"REAL": tl.float32 if real == "fp32" else tl.float64, "BLOCK": BLOCK}
    source = ASTSource(draw, signature, constexprs=constants)
    kernel = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=OPTIONS)
    assert len(kernel.asm["cubin"]) > 1000


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_gives_what_the_cpu_gives() -> None:
    from recon.solvers.sampling.random import normal

    streams, steps = torch.tensor([3, 0, 2**40 + 5]), torch.tensor([1, 0, 7])
    for dtype, error in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        found = normal(5, streams.cuda(), steps, (33, 7), dtype)
        torch.testing.assert_close(found.cpu(), normal(5, streams, steps, (33, 7), dtype), rtol=error, atol=error)
