"""Random numbers that are a function of (seed, stream, step) and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, prod

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF


def normal(seed: int, streams: Tensor, steps: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """White Gaussian numbers, one image per stream: ``(len(streams), *shape)``.

    Element j of an image comes from word j mod 4 of the Philox 4×32-10 block with key ``seed`` and counter
    (⌊j/4⌋, step, stream), turned Gaussian by the Box-Muller transform in double precision. So it does not depend on
    the batch, and on the device by rounding only. Complex numbers have unit variance in each part.

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
    drawn: Tensor = torch.ops.recon.philox_normal(seed, streams, steps, shape)
    return drawn.to(dtype)


def _normal(seed: int, streams: Tensor, steps: Tensor, shape: Sequence[int]) -> Tensor:
    """The numbers in double precision; one op, so that compilers leave its integer arithmetic alone."""
    count = prod(shape)
    block = torch.arange((count + 3) // 4, device=streams.device)
    counter = (
        block.expand(len(streams), -1),
        (steps.to(streams.device) & _MASK)[:, None].expand(-1, len(block)),
        (streams & _MASK)[:, None].expand(-1, len(block)),
        (streams >> 32 & _MASK)[:, None].expand(-1, len(block)),
    )
    words = philox(counter, (seed & _MASK, seed >> 32 & _MASK))
    unit = [(w.double() + 0.5) / 2**32 for w in words]
    pairs = []
    for u, v in ((unit[0], unit[1]), (unit[2], unit[3])):
        radius, angle = (-2 * u.log()).sqrt(), 2 * pi * v
        pairs += [radius * angle.cos(), radius * angle.sin()]
    flat = torch.stack(pairs, dim=-1).flatten(1)[:, :count]
    return flat.reshape(len(streams), *shape).contiguous()


def _fake_normal(seed: int, streams: Tensor, steps: Tensor, shape: Sequence[int]) -> Tensor:
    return streams.new_empty((streams.shape[0], *shape), dtype=torch.float64)


_library = torch.library.Library("recon", "FRAGMENT")
_library.define("philox_normal(int seed, Tensor streams, Tensor steps, SymInt[] shape) -> Tensor")
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
