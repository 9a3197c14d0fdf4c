"""Recovery after a saturation."""

from math import exp

import pytest
import torch

from recon.operators import SaturationRecovery
from recon.phantoms import relaxation_head


def test_the_signal_is_that_of_spin_echoes_of_these_repetition_times():
    times = [0.3, 1.0, 4.0]
    model = SaturationRecovery(times, m0=2.0, t1=1.3)
    for tissue in relaxation_head(1.0).tissues:
        s = model(model.point(m0=tissue.m0, t1=tissue.t1).to(torch.complex128))
        expected = torch.tensor([tissue.spin_echo(0.0, t) for t in times], dtype=torch.complex128)
        torch.testing.assert_close(s, expected, rtol=1e-6, atol=1e-7)


def test_what_an_imperfect_saturation_leaves():
    model = SaturationRecovery([0.0, 0.5], efficiency=0.8)
    s = model(model.point(m0=1.0, t1=1.0).to(torch.complex128)).real
    assert s.tolist() == pytest.approx([0.2, 1 - 0.8 * exp(-0.5)])
    with pytest.raises(ValueError, match="efficiency above 0 and at most 1, got 0"):
        SaturationRecovery([0.5, 1.0], efficiency=0)
