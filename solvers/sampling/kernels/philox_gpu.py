"""Philox 4×32-10 and the Box-Muller transform on a GPU, compiled by Triton; imported when it first runs."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from recon.operators.ct.kernels.gpu.compile import OPTIONS, kernel, real_of

BLOCK = 256


@kernel
def draw(
    streams: tl.tensor,
    steps: tl.tensor,
    out: tl.tensor,
    seed: tl.tensor,
    blocks: tl.int32,
    REAL: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Four numbers of each block of counters (block, step, stream mod 2³², stream ≫ 32), as on the CPU."""
    item = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    stream = tl.load(streams + item)
    step = tl.load(steps + item)
    zero = block * 0
    c1 = zero + (step & 0xFFFFFFFF).to(tl.uint32, bitcast=False)
    c2 = zero + (stream & 0xFFFFFFFF).to(tl.uint32, bitcast=False)
    c3 = zero + ((stream >> 32) & 0xFFFFFFFF).to(tl.uint32, bitcast=False)
    w0, w1, w2, w3 = tl.philox(seed, block.to(tl.uint32), c1.to(tl.uint32), c2.to(tl.uint32), c3.to(tl.uint32))
    scale = 1.0 / 4294967296.0
    turn = tl.full((1,), 6.283185307179586, REAL)
    u0 = (w0.to(REAL) + 0.5) * scale
    u1 = (w1.to(REAL) + 0.5) * scale
    u2 = (w2.to(REAL) + 0.5) * scale
    u3 = (w3.to(REAL) + 0.5) * scale
    r0 = tl.sqrt(-2.0 * tl.log(u0))
    r2 = tl.sqrt(-2.0 * tl.log(u2))
    inside = block < blocks
    at = out + item * blocks * 4 + block.to(tl.int64) * 4
    tl.store(at, r0 * tl.cos(turn * u1), mask=inside)
    tl.store(at + 1, r0 * tl.sin(turn * u1), mask=inside)
    tl.store(at + 2, r2 * tl.cos(turn * u3), mask=inside)
    tl.store(at + 3, r2 * tl.sin(turn * u3), mask=inside)


def normals(seed: int, streams: Tensor, steps: Tensor, blocks: int, dtype: torch.dtype) -> Tensor:
    """``(len(streams), 4 · blocks)`` white Gaussian numbers on the device of ``streams``."""
    out = torch.empty(len(streams), 4 * blocks, dtype=dtype, device=streams.device)
    if out.numel():
        signed = (seed + 2**63) % 2**64 - 2**63
        grid = (len(streams), triton.cdiv(blocks, BLOCK))
        draw[grid](
            streams.contiguous(), steps.contiguous(), out, signed, blocks, REAL=real_of(dtype), BLOCK=BLOCK, **OPTIONS
        )
    return out
