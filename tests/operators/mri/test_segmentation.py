"""Segments of exp(-zt) keep what they promise."""

from math import pi

import pytest
import torch

from recon.operators.mri.segmentation import segments

GENERATOR = torch.Generator().manual_seed(0)
TIMES = torch.linspace(-0.004, 0.013, 90, dtype=torch.float64)
FIELD = 2j * pi * 140 * torch.randn(6000, dtype=torch.complex128, generator=GENERATOR).real
DECAY = 60 * torch.rand(6000, dtype=torch.float64, generator=GENERATOR)


def largest(z, t, found):
    whole = torch.exp(-z[:, None] * t)
    return float((whole - torch.einsum("lt,lz->zt", found.temporal, found.spatial)).abs().max())


@pytest.mark.parametrize("method", ["time", "frequency"])
@pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize(
    "z",
    [FIELD, FIELD + DECAY, DECAY.to(torch.complex128), FIELD / 1e3 + 50, (FIELD + DECAY)[:400]],
    ids=["B0", "both", "R2*", "almost one", "few"],
)
def test_the_error_is_below_the_one_stated_and_that_below_the_one_asked_for(method, tol, z):
    found = segments(z, TIMES, method, tol)
    true = largest(z, TIMES, found)
    assert true <= found.error <= tol
    assert found.error < 10 * true + 1e-11
    fewer = segments(z, TIMES, method, tol, max(1, len(found.temporal) - 1))
    assert len(found.temporal) == 1 or fewer.error > tol


@pytest.mark.parametrize("method", ["time", "frequency"])
def test_about_as_many_segments_as_the_singular_values_ask_for(method):
    whole = torch.exp(-(FIELD + DECAY)[:, None] * TIMES)
    singular = torch.linalg.svdvals(whole)
    rank = int((singular > 1e-4 * singular[0]).sum())
    assert len(segments(FIELD + DECAY, TIMES, method, 1e-4).temporal) <= rank + 5


@pytest.mark.parametrize("method", ["time", "frequency"])
def test_one_time_or_one_rate_needs_one_segment(method):
    found = segments(FIELD + DECAY, torch.tensor([0.01]), method, 1e-9)
    assert len(found.temporal) == 1
    assert largest(FIELD + DECAY, torch.tensor([0.01]), found) < 1e-12
    still = segments(torch.zeros(3), TIMES, method, 1e-9)
    assert len(still.temporal) == 1
    assert largest(torch.zeros(3), TIMES, still) < 1e-12


def test_shapes_follow_times_and_rates():
    found = segments(FIELD.reshape(60, 100), TIMES.reshape(9, 10), "time", 1e-2)
    n = len(found.temporal)
    assert found.temporal.shape == (n, 9, 10)
    assert found.spatial.shape == (n, 60, 100)


def test_a_tolerance_out_of_reach():
    with pytest.raises(ValueError, match=r"64 segments reach an error of .*, not the tol of 1e-08"):
        segments(100 * FIELD, TIMES, "time", 1e-8)
