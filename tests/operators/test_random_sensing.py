"""RandomSensing: orthonormal rows that spread over all pixels."""

import pytest
import torch

from recon.operators import Dense, RandomSensing


def test_rows_are_orthonormal_and_spread():
    A = RandomSensing((8, 8), 20, seed=1)
    M = Dense(A).matrix
    torch.testing.assert_close(M @ M.mT, torch.eye(20, dtype=torch.float64))
    assert float(M.abs().max()) < 1.5 / 8
    other = Dense(RandomSensing((8, 8), 20, seed=2)).matrix
    assert float((M @ other.mT).abs().max()) < 0.6
    assert torch.equal(Dense(RandomSensing((8, 8), 20, seed=1)).matrix, M)


def test_all_measurements_determine_the_image():
    A = RandomSensing((3, 5), 15)
    x = torch.randn(2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(A.pinv(A(x)), x)


def test_counts_are_checked():
    with pytest.raises(ValueError, match="at most 15 measurements"):
        RandomSensing((3, 5), 16)
    with pytest.raises(ValueError, match="measurements to be a positive whole number"):
        RandomSensing((3, 5), 0)
