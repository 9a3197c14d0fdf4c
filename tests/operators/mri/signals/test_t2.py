"""Decay with T2."""

from math import exp

import pytest
import torch

from recon.operators import T2Decay
from recon.phantoms import relaxation_head


def test_the_signal_is_that_of_the_phantoms_spin_echo():
    te = [0.015, 0.06, 0.2]
    model = T2Decay(te, m0=0.7, t2=0.11)
    for tissue in relaxation_head(1.0).tissues:
        s = model(model.point(m0=tissue.m0, t2=tissue.t2).to(torch.complex128))
        expected = torch.tensor([tissue.spin_echo(t) for t in te], dtype=torch.complex128)
        torch.testing.assert_close(s, expected, rtol=1e-6, atol=1e-7)


def test_zero_is_no_magnetisation_of_typical_t2_and_unknowns_are_pure_numbers():
    model = T2Decay([0.1, 0.2], (2,), m0=3.0, t2=0.05)
    maps = model.maps(torch.zeros(2, 2, dtype=torch.complex128))
    assert not maps["m0"].any()
    assert maps["t2"].tolist() == [0.05, 0.05]
    s = model(torch.tensor([[1j, 2.0], [0.0, 1.0]], dtype=torch.complex128))
    torch.testing.assert_close(s[0], torch.tensor([3j * exp(-2), 6 * exp(-4)], dtype=torch.complex128))


def test_rates_of_none_within_the_noise_are_long_times_not_negative_ones():
    model = T2Decay([0.1, 0.2], (3,), t2=0.05)
    p = torch.tensor([[1, 1, 1], [-1.0, -1.5, 0.0]], dtype=torch.complex128)
    torch.testing.assert_close(model.maps(p)["t2"], torch.tensor([5.0, 5.0, 0.05], dtype=torch.float64))
    with pytest.raises(ValueError, match=r"positive, got -0\.1 s"):
        model.point(m0=1.0, t2=-0.1)


def test_imaginary_parts_of_the_rate_have_no_influence():
    model = T2Decay([0.02, 0.1])
    p = torch.tensor([1.0 + 1j, 0.3], dtype=torch.complex128)
    other = torch.tensor([1.0 + 1j, 0.3 + 2j], dtype=torch.complex128)
    assert torch.equal(model(p), model(other))
    back = model.vjp(p, torch.tensor([1.0 + 2j, 0.5j], dtype=torch.complex128))
    assert back[1].imag == 0
    assert back[1].real != 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: T2Decay([-0.1]), "none of them negative, got \\[-0.1\\]"),
        (lambda: T2Decay([[0.1, 0.2]]), "a list of times in s"),
        (lambda: T2Decay([]), "a list of times in s"),
        (lambda: T2Decay([0.1, 0.2], t2=0.0), "t2 to be a positive number, a typical value, got 0.0"),
        (lambda: T2Decay([0.1, 0.2]).point(m0=1.0), "has the maps m0, t2, got m0"),
        (
            lambda: T2Decay([0.1, 0.2], (3,))(torch.ones(2, 4, dtype=torch.complex64)),
            r"shape \(..., 2, 3\), got \(2, 4\)",
        ),
    ],
)
def test_wrong_use(build, message):
    with pytest.raises(ValueError, match=message):
        build()
