"""BlockExtract: blocks by slicing, partitions, and means over blocks."""

from __future__ import annotations

import pytest
import torch

from recon.operators import BlockExtract


def test_blocks_are_slices_and_go_around_the_edge() -> None:
    x = torch.arange(2 * 5 * 4.0).reshape(2, 5, 4)
    E = BlockExtract((2, 5, 4), (3, 2), (2, 2), (1, 0))
    assert E.range_shape == (6, 2, 3, 2)
    blocks = E(x)
    torch.testing.assert_close(blocks[0], x[:, 1:4, 0:2])
    torch.testing.assert_close(blocks[1], x[:, 1:4, 2:4])
    torch.testing.assert_close(blocks[2], x.roll(-3, 1)[:, :3, 0:2])
    torch.testing.assert_close(blocks[4], x.roll(-5, 1)[:, :3, 0:2])


@pytest.mark.parametrize("offset", [(0, 0), (1, 2), (-1, 5)])
def test_partitions_are_permutations(offset: tuple[int, int]) -> None:
    x = torch.randn(3, 2, 4, 6, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    E = BlockExtract((2, 4, 6), (2, 3), offset=offset)
    assert E.unitary
    torch.testing.assert_close(E.adjoint(E(x)), x)
    torch.testing.assert_close(E(x).abs().flatten(1).sort().values, x.abs().flatten(1).sort().values)


def test_the_pseudo_inverse_averages_overlapping_blocks() -> None:
    E = BlockExtract((5,), (2,), (1,))
    assert not E.unitary
    blocks = torch.arange(10.0).reshape(5, 2)
    torch.testing.assert_close(E.pinv(blocks), torch.tensor([(0 + 9) / 2, (1 + 2) / 2, (3 + 4) / 2, 11 / 2, 15 / 2]))
    assert BlockExtract((5,), (3,)).covers.tolist() == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (((4, 4), (2, 2), (3, 1)), "expects 1 <= stride <= block <= size"),
        (((4, 4), (5, 2)), "expects 1 <= stride <= block <= size"),
        (((4, 4), (2, 2), (2,)), "expects a block, a stride and an offset for each of the last axes"),
        (((4,), (2, 2)), "expects a block, a stride and an offset for each of the last axes"),
    ],
)
def test_what_is_refused(arguments: tuple[tuple[int, ...], ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        BlockExtract(*arguments)
