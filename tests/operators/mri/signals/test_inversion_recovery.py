"""Recovery after an inversion."""

from math import exp

import pytest
import torch

from recon.operators import InversionRecovery
from recon.phantoms import relaxation_head

TI = [0.05, 0.4, 1.2, 3.0]


@pytest.mark.parametrize("tr", [float("inf"), 5.0])
def test_the_signal_is_that_of_the_phantoms_inversion_recovery(tr):
    model = InversionRecovery(TI, repetition_time=tr)
    for tissue in relaxation_head(1.0).tissues:
        s = model(model.point(m0=tissue.m0, t1=tissue.t1).to(torch.complex128))
        expected = torch.tensor([tissue.inversion_recovery(t, tr) for t in TI], dtype=torch.complex128)
        torch.testing.assert_close(s, expected, rtol=1e-6, atol=1e-6)


def test_the_steady_state_of_imperfect_inversions_by_following_the_magnetisation():
    eta, t1, tr, ti = 0.9, 1.1, 4.0, 0.7
    z = 1.0
    for _ in range(50):  # inversion, recovery until the readout, which takes all of it, recovery until the next one
        z = 1 - (1 + eta * z) * exp(-ti / t1)
        read, z = z, 1 - exp(-(tr - ti) / t1)
    model = InversionRecovery([ti, tr], repetition_time=tr, efficiency=eta)
    assert model(model.point(m0=1.0, t1=t1).to(torch.complex128))[0].item() == pytest.approx(read, abs=1e-6)
    free = InversionRecovery([ti, 1.0, tr], repetition_time=tr, efficiency=None)
    found = free(free.point(m0=1.0, t1=t1, efficiency=eta).to(torch.complex128))[0].item()
    assert found == pytest.approx(read, abs=1e-6)


def test_wrong_use():
    with pytest.raises(ValueError, match="repetition_time of at least 3 s"):
        InversionRecovery(TI, repetition_time=2.0)
    with pytest.raises(ValueError, match=r"efficiency above 0 and at most 1, got 1\.2"):
        InversionRecovery(TI, efficiency=1.2)
    with pytest.raises(ValueError, match=r"repetition_time in s, got 5000, which is long after a t1 of 1 s; divide"):
        InversionRecovery(TI, repetition_time=5000)
