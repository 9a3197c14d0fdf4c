"""A polynomial undone, and polynomials that cannot be."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import BeamHardening


def scan(values):
    return Item("a", "a.h5", torch.as_tensor(values))


def test_two_energies_come_out_proportional_to_thickness():
    """Of a beam of two energies, the polynomial fitted to steps of known thickness linearises all between."""
    thickness = torch.linspace(0, 4, 60, dtype=torch.float64)
    p = -torch.log(0.5 * torch.exp(-1.0 * thickness) + 0.5 * torch.exp(-0.5 * thickness))
    powers = p[:, None] ** torch.arange(1, 5)
    steps = slice(None, None, 5)
    linear, *rest = torch.linalg.lstsq(powers[steps], 0.75 * thickness[steps, None]).solution[:, 0].tolist()
    out = BeamHardening(rest, linear)(scan(p.reshape(6, 10)))
    assert float((p - 0.75 * thickness).abs().max()) > 0.2
    torch.testing.assert_close(out.data.flatten(), 0.75 * thickness, rtol=0, atol=2e-4)
    assert out.meta == {"beam_hardening": [linear, *rest]}


def test_powers():
    out = BeamHardening([0.5, 0.25], linear=2.0)(scan([0.0, 1.0, 2.0]))
    assert out.data.tolist() == [0.0, 2.75, 8.0]


@pytest.mark.parametrize(
    ("coefficients", "values", "sentence"),
    [
        (
            [-0.25],
            [0.1, 3.0],
            "beam_hardening has a polynomial that stops growing at p = 2, within the data of a.h5, which run from 0 to "
            "3; choose smaller coefficients.",
        ),
        (
            [5.0],
            [-0.2, 3.0],
            "beam_hardening has a polynomial that stops growing at p = -0.1, within the data of a.h5, which run from "
            "-0.2 to 3; choose smaller coefficients.",
        ),
        ([0.1], [float("inf"), 1.0], "beam_hardening expects finite data, a.h5 has NaN or infinity."),
    ],
)
def test_what_is_refused(coefficients, values, sentence):
    with pytest.raises(DataError) as caught:
        BeamHardening(coefficients)(scan(values))
    assert str(caught.value) == sentence


def test_a_range_that_ends_before_the_turn():
    assert BeamHardening([-0.25])(scan([0.0, 1.9])).data[1] == pytest.approx(1.9 - 0.25 * 1.9**2)


@pytest.mark.parametrize(
    "settings", [{"coefficients": []}, {"coefficients": [0.1], "linear": 0.0}, {"coefficients": [float("nan")]}]
)
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="BeamHardening expects"):
        BeamHardening(**settings)
