"""Recursive dyadic partitions against enumeration of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import Tensor

from recon.operators import DyadicPieces, GaussianNoise, Identity
from recon.priors import DyadicDenoiser, DyadicPartition
from recon.solvers import MaxIter, PnPPGD, Problem, ProximalGradient

Cell = tuple[slice, ...]


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def partitions(cell: Cell) -> Iterator[tuple[Cell, ...]]:
    """All recursive dyadic partitions of a box, the longest sides being cut first."""
    yield (cell,)
    sizes = [s.stop - s.start for s in cell]
    longest = max(sizes)
    if longest == 1:
        return
    halves = []
    for s, n in zip(cell, sizes, strict=True):
        middle = (s.start + s.stop) // 2
        halves.append((slice(s.start, middle), slice(middle, s.stop)) if n == longest else (s,))
    parts = [tuple(part) for part in product(*halves)]
    for choice in product(*(list(partitions(part)) for part in parts)):
        yield tuple(c for group in choice for c in group)


def box(shape: tuple[int, ...]) -> Cell:
    return tuple(slice(0, 1 << (n - 1).bit_length()) for n in shape)


@pytest.mark.parametrize(("shape", "count"), [((8,), 26), ((6,), 26), ((4, 4), 17), ((2, 4), 5), ((3, 3), 17)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_prox_is_the_best_of_all_partitions(shape: tuple[int, ...], count: int, dtype: torch.dtype) -> None:
    every = list(partitions(box(shape)))
    assert len(every) == count
    f = DyadicPieces(shape)
    for seed in range(4):
        x = random(*shape, dtype=dtype, seed=seed)
        for tau in (0.05, 0.3, 1.0, 4.0):
            best, image = float("inf"), x
            for cells in every:
                z = x.clone()
                inside = [cell for cell in cells if x[cell].numel()]
                for cell in inside:
                    z[cell] = x[cell].mean()
                value = float((z - x).abs().square().sum()) / (2 * tau) + len(inside)
                if value < best - 1e-12:
                    best, image = value, z
            p = f.prox(x, tau)
            torch.testing.assert_close(p, image, atol=1e-8, rtol=0)
            assert float(f(p)) + float((p - x).abs().square().sum()) / (2 * tau) == pytest.approx(best, abs=1e-10)


@pytest.mark.parametrize("shape", [(8,), (6,), (4, 4), (3, 3)])
def test_cost_is_the_least_number_of_cells(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    f = DyadicPieces(shape)
    for _ in range(20):
        x = torch.randint(0, 2, shape, generator=generator).double()
        counts = []
        for cells in partitions(box(shape)):
            inside = [x[cell] for cell in cells if x[cell].numel()]
            if all(float(part.min()) == float(part.max()) for part in inside):
                counts.append(len(inside))
        assert float(f(x)) == min(counts)


def test_steps_per_item_are_items_by_themselves() -> None:
    x = random(3, 8, 8)
    f, tau = DyadicPieces((8, 8)), torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
    for item in range(3):
        torch.testing.assert_close(f.prox(x, tau)[item], f.prox(x[item], float(tau[item])))


def test_a_large_image_in_single_precision_is_recovered_from_noise() -> None:
    clean = torch.zeros(256, 256)
    clean[:128, 64:128], clean[192:, :64] = 100.0, 101.0
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    found = DyadicPartition(12.0).prox(noisy, 0.01).x
    assert float(DyadicPieces((256, 256))(found)) == 10
    assert float((found - clean).abs().max()) < 0.01


def test_shifts_remove_what_the_grid_left() -> None:
    row, column = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    clean = ((row - 15) ** 2 + (column - 17) ** 2 < 90).double()
    noisy = GaussianNoise(0.2).sample(clean, torch.Generator().manual_seed(0))
    one, mean = DyadicDenoiser(0.2, 4.0, shifts=1), DyadicDenoiser(0.2, 4.0, shifts=8)
    torch.testing.assert_close(one.denoise(noisy), DyadicPartition(4.0).prox(noisy, 0.04).x)
    before, after = ((D.denoise(noisy) - clean).square().mean() for D in (one, mean))
    assert float(after) < 0.7 * float(before)
    every = DyadicDenoiser(0.2, 4.0, shifts=16)
    part = noisy[8:24, 8:24]
    torch.testing.assert_close(every.denoise(part.roll((3, 5), (0, 1))), every.denoise(part).roll((3, 5), (0, 1)))


def test_solvers_take_either_kind() -> None:
    noisy = random(2, 8, 8)
    problem = Problem(Identity((8, 8)), noisy, GaussianNoise(1.0), DyadicPartition(2.0))
    result = ProximalGradient(stop=MaxIter(30), steps="constant").solve(problem)
    torch.testing.assert_close(result.image, DyadicPartition(2.0).prox(noisy, shape=(8, 8)).x)
    result = PnPPGD(stop=MaxIter(3)).solve(Problem(Identity((8, 8)), noisy, GaussianNoise(1.0), DyadicDenoiser(1.0)))
    assert result.image.shape == (2, 8, 8)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: DyadicDenoiser(lam=0.0), "DyadicDenoiser expects a positive number lam, got 0.0."),
        (lambda: DyadicDenoiser(shifts=0), "DyadicDenoiser expects shifts >= 1, got 0."),
        (
            lambda: DyadicDenoiser().denoise(torch.ones(4)),
            "DyadicDenoiser expects images of 2 axes, got shape (4,).",
        ),
        (
            lambda: DyadicDenoiser().denoise(torch.ones(3, 4, 4), torch.ones(2)),
            "DyadicDenoiser expects sigma to be a number or one value per item of (3, 4, 4), got shape (2,).",
        ),
    ],
)
def test_what_is_refused(call: object, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == sentence
