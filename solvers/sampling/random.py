"""Random numbers that are a function of (seed, stream, step) and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from math import pi, prod

import numpy as np
import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_WORD = 0xFFFFFFFFFFFFFFFF


def normal(seed: int, streams: Tensor, steps: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """White Gaussian numbers, one image per stream: ``(len(streams), *shape)``.

    Element j of an image comes from word j mod 4 of the Philox 4×32-10 block with key ``seed`` and counter
    (⌊j/4⌋, step, stream), turned Gaussian by the Box-Muller transform, in double precision where ``dtype`` is. So it
    does not depend on the batch, and on device and precision by rounding only. Complex numbers have unit variance in
    each part.

    Parameters
    ----------
    seed
        Any integer; its lowest 64 bits count.
    streams
        int64, one per image: which sequence of random numbers it draws from.
    steps
        int64 ≥ 0, one per image: the position in that sequence.
    dtype
        Real or complex; the device is that of ``streams``.

    Source: Salmon, Moraes, Dror and Shaw, SC'11 (2011).
    """
    if dtype.is_complex:
        return torch.view_as_complex(normal(seed, streams, steps, (*shape, 2), dtype.to_real()))
    wide = dtype if dtype == torch.float64 else torch.float32
    plain = type(streams) is Tensor and not torch.compiler.is_compiling()
    draw = _normal if plain else torch.ops.recon.philox_normal
    drawn: Tensor = draw(seed, streams, steps, shape, wide)
    return drawn.to(dtype)


DRAWS = 1 << 12
"""How many images of noise one step may draw."""

_STEPS = 1 << 20


def keyed(
    seed: int, streams: Tensor, steps: Tensor, shape: tuple[int, ...], dtype: torch.dtype, draw: int = 0
) -> Tensor:
    """White noise of a step, one image per stream; ``draw`` < 4096 counts images of the same step.

    Draw 0 is :func:`normal` at the step itself, as long as there are fewer than 2²⁰ of them.
    """
    if not 0 <= draw < DRAWS:
        raise ValueError(f"a step draws at most {DRAWS} images of noise, got number {draw}.")
    return normal(seed, streams, steps + draw * _STEPS if draw else steps, shape, dtype)


def _normal(seed: int, streams: Tensor, steps: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The numbers; one op, so that compilers leave its integer arithmetic alone."""
    device = streams.device
    if device.type == "cpu":
        return _on_cpu(seed, streams, steps.to(device), shape, dtype)
    count = prod(shape)
    blocks, steps = (count + 3) // 4, steps.to(device)
    if device.type == "cuda" and _triton():
        from recon.solvers.sampling.kernels.philox_gpu import normals

        with torch.cuda.device_of(streams):
            flat = normals(seed, streams, steps, blocks, dtype)
    else:
        flat = by_torch(seed, streams, steps, blocks, dtype)
    return flat[:, :count].reshape(len(streams), *shape).contiguous()


@cache
def _triton() -> bool:
    return find_spec("triton") is not None


@lru_cache
def _key(seed: int) -> np.ndarray:
    return np.array([seed & _MASK, seed >> 32 & _MASK], dtype=np.uint64)


def _on_cpu(seed: int, streams: Tensor, steps: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    count, streams, steps = prod(shape), streams.to(torch.int64).contiguous(), steps.to(torch.int64).contiguous()
    if dtype == torch.float32:
        out = streams.new_empty((len(streams), *shape), dtype=dtype)
        _in_single()(seed & _WORD, streams.data_ptr(), steps.data_ptr(), out.data_ptr(), len(streams), count)
        return out
    from recon.solvers.sampling.kernels.philox import uniforms

    unit = torch.empty(2, len(streams), (count + 3) // 4, 2, dtype=torch.float64, device="cpu")
    uniforms(_key(seed), *(v.numpy().view(np.uint64) for v in (streams, steps)), unit.numpy())
    return _gaussian(unit[0].to(dtype), unit[1].to(dtype))[:, :count].contiguous().view(len(streams), *shape)


@cache
def _in_single() -> Callable[..., None]:
    from recon.solvers.sampling.kernels.philox import normals

    return normals()


def by_torch(seed: int, streams: Tensor, steps: Tensor, blocks: int, dtype: torch.dtype) -> Tensor:
    """The numbers on any device, by torch's own integers."""
    block = torch.arange(blocks, device=streams.device)
    counter = (
        block.expand(len(streams), -1),
        (steps & _MASK)[:, None].expand(-1, blocks),
        (streams & _MASK)[:, None].expand(-1, blocks),
        (streams >> 32 & _MASK)[:, None].expand(-1, blocks),
    )
    unit = [(w.double() + 0.5) / 2**32 for w in philox(counter, (seed & _MASK, seed >> 32 & _MASK))]
    return _gaussian(torch.stack(unit[::2], -1).to(dtype), torch.stack(unit[1::2], -1).to(dtype))


def _gaussian(radial: Tensor, angular: Tensor) -> Tensor:
    """Box and Muller: (−2 log u)^½ (cos 2πv, sin 2πv), ``(items, 4 · blocks)``; overwrites its arguments."""
    radius, angle = radial.log_().mul_(-2).sqrt_(), angular.mul_(2 * pi)
    pairs = torch.stack([angle.cos(), angle.sin_()], -1)
    return pairs.mul_(radius[..., None]).flatten(1)


def _fake_normal(seed: int, streams: Tensor, steps: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    return streams.new_empty((streams.shape[0], *shape), dtype=dtype)


_library = torch.library.Library("recon", "FRAGMENT")
_library.define("philox_normal(int seed, Tensor streams, Tensor steps, SymInt[] shape, ScalarType dtype) -> Tensor")
_library.impl("philox_normal", _normal, "CompositeExplicitAutograd")
torch.library.register_fake("recon::philox_normal", _fake_normal, lib=_library)


def philox(
    counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ten rounds of Philox 4×32: four words of 32 random bits for every counter, all held in int64."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = _multiply(0xD2511F53, c0)
        high1, low1 = _multiply(0xCD9E8D57, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & _MASK, (k1 + 0xBB67AE85) & _MASK
    return c0, c1, c2, c3


def _multiply(a: int, b: Tensor) -> tuple[Tensor, Tensor]:
    """High and low 32 bits of a·b for a, b < 2³², without leaving int64."""
    high = (a * (b >> 16) + (a * (b & 0xFFFF) >> 16)) >> 16
    return high, a * b & _MASK
