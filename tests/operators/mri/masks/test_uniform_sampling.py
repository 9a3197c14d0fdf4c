"""Every R-th line, counted from zero frequency."""

import pytest
import torch

from recon.operators import UniformSampling


@pytest.mark.parametrize("n", [32, 33])
def test_lines_are_those_of_the_congruence(n):
    for R, offset, acs in [(4, 0, 0), (3, 2, 6), (5, -1, 7)]:
        mask = UniformSampling(R, acs, offset)((n, 7))
        for k in range(n):
            regular = (k - n // 2 - offset) % R == 0
            centre = n // 2 - acs // 2 <= k < n // 2 - acs // 2 + acs
            assert mask[k].tolist() == [regular or centre] * 7


def test_as_many_frames_as_the_acceleration_take_every_line_once():
    masks = UniformSampling(4, 0, axis=-1, per_frame=True)((5, 32), (4,))
    assert torch.equal(masks.sum(0), torch.ones(5, 32, dtype=torch.long))


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="UniformSampling expects an acceleration of at least 1, got 0"):
        UniformSampling(0)
    with pytest.raises(ValueError, match="UniformSampling expects acs_lines of at least 0, got -2"):
        UniformSampling(acs_lines=-2)
    with pytest.raises(ValueError, match=r"UniformSampling expects acceleration to be a whole number, got 2\.5"):
        UniformSampling(2.5)  # would take every fifth line
    with pytest.raises(ValueError, match="UniformSampling expects an acceleration of at least 1, got '4'"):
        UniformSampling("4")
