"""A heart that beats: what moves, what stands still, and k-space of each frame."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Volume, centred_fft
from recon.phantoms import beating_heart

GRID = Volume((96, 96), 2.4)


def test_the_heart_alone_moves_and_comes_back() -> None:
    frames = torch.stack([frame.rasterise(GRID) for frame in beating_heart(100.0, 8, contraction=0.4)])
    moves = (frames - frames[0]).abs().amax(0) > 0
    y, x = torch.meshgrid(GRID.centres(0), GRID.centres(1), indexing="ij")
    assert bool(moves.any())
    assert bool((((x - 10) ** 2 + (y + 12) ** 2).sqrt()[moves] < 36).all())
    torch.testing.assert_close(frames[3], frames[5])
    blood = frames.flatten(1).sum(1)
    assert int(blood.argmin()) == 4
    twice = torch.stack([frame.rasterise(GRID) for frame in beating_heart(100.0, 8, beats=2, contraction=0.4)])
    torch.testing.assert_close(twice[:4], twice[4:])


def test_kspace_of_a_frame_is_that_of_its_image() -> None:
    frame = beating_heart(100.0, 6)[2]
    exact, image = frame.kspace(GRID), frame.rasterise(GRID)
    middle = (slice(43, 54),) * 2
    error = (centred_fft(image + 0j) - exact)[middle].norm() / exact[middle].norm()
    assert float(error) < 0.01


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frames >= 1, beats >= 1 and a contraction in \[0, 1\), got 0, 1 and 0.3"):
        beating_heart(100.0, 0)
