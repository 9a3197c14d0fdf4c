import math

import pytest
import torch

from recon.solvers.sampling.random import by_torch, keyed, normal, philox


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # known answers of Random123, the reference implementation
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter, key, words) -> None:
    out = philox(tuple(torch.tensor([c]) for c in counter), key)
    assert tuple(int(w) for w in out) == words


def draw(seed: int, streams, steps, shape=(3, 5), dtype=torch.float64):
    return normal(seed, torch.tensor(streams), torch.tensor(steps), shape, dtype)


def test_an_image_depends_on_seed_stream_and_step_only() -> None:
    many = draw(7, [3, 0, 2**32 + 3, 9], [4, 4, 4, 2])
    for i, (stream, step) in enumerate([(3, 4), (0, 4), (2**32 + 3, 4), (9, 2)]):
        assert torch.equal(many[i], draw(7, [stream], [step])[0])
    others = [draw(7, [3], [5]), draw(8, [3], [4]), draw(7 + 2**32, [3], [4]), draw(7, [4], [4])]
    for other in others:
        assert float((other[0] - many[0]).abs().min()) > 0
    assert torch.equal(draw(0, [0], [0]), draw(0, [0], [0]))
    assert float((draw(0, [0], [0]) - draw(1, [0], [0])).abs().min()) > 0


def test_a_longer_image_begins_like_a_shorter_one_and_types_agree() -> None:
    long, short = draw(1, [5], [2], (41,)), draw(1, [5], [2], (7,))
    assert torch.equal(long[:, :7], short)
    torch.testing.assert_close(draw(1, [5], [2], (41,), torch.float32).double(), long, rtol=1e-5, atol=1e-6)
    pairs = draw(1, [5], [2], (7, 2))
    assert torch.equal(draw(1, [5], [2], (7,), torch.complex128), torch.view_as_complex(pairs))
    assert draw(1, [5], [2], ()).shape == (1,)
    assert normal(1, torch.arange(0), torch.arange(0), (4,), torch.float32).shape == (0, 4)


def test_numbers_are_standard_normal_and_uncorrelated() -> None:
    x = normal(0, torch.arange(40), torch.arange(40) % 3, (50, 100), torch.float64).flatten()
    n = x.numel()
    assert abs(float(x.mean())) < 4 / math.sqrt(n)
    assert abs(float(x.square().mean()) - 1) < 4 * math.sqrt(2 / n)
    assert abs(float(x.pow(4).mean()) - 3) < 4 * math.sqrt(96 / n)
    ordered = x.sort().values
    distance = (torch.special.ndtr(ordered) - torch.arange(1, n + 1, dtype=torch.float64) / n).abs().max()
    assert float(distance) < 1.95 / math.sqrt(n)  # Kolmogorov-Smirnov at 0.1 %
    for lag in (1, 2, 3, 4, 5000):
        assert abs(float((x[lag:] * x[:-lag]).mean())) < 4 / math.sqrt(n)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_kernel_gives_what_torch_gives(dtype) -> None:
    """``by_torch`` is what devices without a kernel of their own run, and is tried against known answers above."""
    streams, steps = torch.tensor([3, 0, 2**40 + 5]), torch.tensor([1, 0, (7 << 20) + 2])
    for seed in (0, 12345678901234567, -3):
        wanted = by_torch(seed, streams, steps, 11, dtype)[:, :42].reshape(3, 6, 7)
        torch.testing.assert_close(normal(seed, streams, steps, (6, 7), dtype), wanted)


def test_draws_of_a_step_are_independent_of_each_other_and_of_other_steps() -> None:
    streams = torch.tensor([4])
    first = keyed(0, streams, torch.tensor([1]), (5,), torch.float64)
    assert torch.equal(first, normal(0, streams, torch.tensor([1]), (5,), torch.float64))
    others = [keyed(0, streams, torch.tensor([s]), (5,), torch.float64, d) for s, d in ((1, 1), (2, 0), (1, 4095))]
    for other in others:
        assert float((other - first).abs().min()) > 0
    with pytest.raises(ValueError, match="a step draws at most 4096 images of noise, got number 4096"):
        keyed(0, streams, torch.tensor([1]), (5,), torch.float64, 4096)


def test_the_default_precision_of_torch_plays_no_part() -> None:
    """Numbers are written to memory by address, which has to be that of single precision."""
    streams, steps = torch.arange(3), torch.ones(3, dtype=torch.long)
    wanted = normal(5, streams, steps, (7,), torch.float32)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        found = normal(5, streams, steps, (7,), torch.float32)
    finally:
        torch.set_default_dtype(before)
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)
    assert normal(5, streams[:0], steps[:0], (7,), torch.float32).shape == (0, 7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2, 3), (4, 4)])
def test_the_op_is_what_it_tells_compilers(dtype, shape) -> None:
    streams, steps = torch.arange(3), torch.zeros(3, dtype=torch.long)
    torch.library.opcheck(
        torch.ops.recon.philox_normal, (0, streams, steps, shape, dtype), test_utils=("test_schema", "test_faketensor")
    )
    assert draw(0, streams, steps, shape, dtype).is_contiguous()
