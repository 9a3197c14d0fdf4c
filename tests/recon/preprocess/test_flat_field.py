"""Flat field against the counts it was made from."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import FlatField

G = torch.Generator().manual_seed(0)
TRANSMISSION = torch.rand(4, 2, 5, generator=G)
BEAM = torch.rand(2, 5, generator=G) * 1000 + 500
DARK = torch.rand(2, 5, generator=G) * 50


def scan(data=None, **changes):
    wobble = torch.tensor([-1.0, 0.0, 1.0])[:, None, None]  # frames whose mean is the truth
    aux = {"flats": BEAM + DARK + 7 * wobble, "darks": DARK + 2 * wobble, "angles": torch.zeros(4)}
    return Item("a", "a.h5", TRANSMISSION * BEAM + DARK if data is None else data, {**aux, **changes})


def test_transmission_is_recovered_exactly():
    out = FlatField()(scan())
    assert torch.allclose(out.data, TRANSMISSION, rtol=0, atol=1e-6)
    assert out.data.dtype == torch.float32
    assert set(out.aux) == {"angles"}
    assert out.meta == {"flat_frames": 3, "dark_frames": 3}


def test_single_frames():
    out = FlatField()(scan(flats=BEAM + DARK, darks=DARK))
    assert torch.allclose(out.data, TRANSMISSION, rtol=0, atol=1e-6)
    assert out.meta == {"flat_frames": 1, "dark_frames": 1}


def test_another_axis():
    item = scan()
    moved = Item("a", "a.h5", item.data.movedim(0, 1), {k: item.aux[k].movedim(0, 1) for k in ("flats", "darks")})
    assert torch.allclose(FlatField(axis=1)(moved).data, TRANSMISSION.movedim(0, 1), rtol=0, atol=1e-6)


def test_without_darks():
    item = Item("a", "a.h5", TRANSMISSION * BEAM, {"flats": BEAM})
    assert torch.allclose(FlatField(darks=False)(item).data, TRANSMISSION)


def test_large_counts_keep_their_precision():
    """Means of frames near 2¹⁶ are taken in double precision."""
    flats = torch.full((1000, 3), 65535.0)
    item = Item("a", "a.h5", torch.full((2, 3), 65535.0), {"flats": flats})
    assert torch.equal(FlatField(darks=False)(item).data, torch.ones(2, 3))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"flats": torch.ones(3, 5)},
            "a.h5 has data of shape (4, 2, 5), so flat_field expects flats of shape (2, 5) or with frames along axis "
            "0, got (3, 5).",
        ),
        (
            {"darks": torch.ones(3, 2, 6)},
            "a.h5 has data of shape (4, 2, 5), so flat_field expects darks of shape (2, 5) or with frames along axis "
            "0, got (3, 2, 6).",
        ),
        ({"flats": torch.ones(2, 5) * 1j}, "flat_field expects real flats, those of a.h5 are complex."),
        (
            {"darks": torch.zeros(2, 5).index_put((torch.tensor([1, 1]), torch.tensor([2, 4])), torch.tensor(9e3))},
            "a.h5 has 2 of 10 detector pixels with flat - dark <= 0, the first at [1, 2]: dead pixels, or flats and "
            "darks exchanged; crop the pixels away, set dead: interpolate, or correct the roles.",
        ),
    ],
)
def test_what_does_not_fit(changes, sentence):
    with pytest.raises(DataError) as caught:
        FlatField()(scan(**changes))
    assert str(caught.value) == sentence


def test_missing_flats_and_complex_data():
    item = scan()
    with pytest.raises(DataError, match=r"a.h5 has no 'darks'; it has data, flats; name its dataset"):
        FlatField()(Item("a", "a.h5", item.data, {"flats": BEAM}))
    with pytest.raises(DataError, match=r"flat_field expects real data, a.h5 is complex; take it out of preprocess"):
        FlatField()(Item("a", "a.h5", item.data * 1j, item.aux))


def test_a_beam_that_drifts():
    """Flats before and after the scan, the beam fading by a tenth in between."""
    moments = ((torch.arange(4) + 0.5) / 4)[:, None, None]
    counts = TRANSMISSION * BEAM * (1 - 0.1 * moments) + DARK
    out = FlatField()(scan(flats=BEAM + DARK, flats_after=(0.9 * BEAM + DARK).expand(2, 2, 5), darks=DARK, data=counts))
    assert torch.allclose(out.data, TRANSMISSION, rtol=0, atol=1e-6)
    assert set(out.aux) == {"angles"}
    assert out.meta == {"flat_frames": 1, "dark_frames": 1, "flat_frames_after": 2}


@pytest.mark.parametrize("axis", [0, 1])
def test_dead_pixels_are_interpolated(axis):
    ramp = torch.arange(5.0).expand(4, 2, 5) / 10 + 0.1
    alive = torch.tensor([[0.0, 1, 1, 1, 1], [1, 1, 0, 0, 1]])
    frames = {"flats": (BEAM * alive).expand(3, 2, 5), "darks": torch.zeros(3, 2, 5)}
    item = Item("a", "a.h5", ramp * BEAM * alive, frames)
    if axis:
        item = Item("a", "a.h5", item.data.movedim(0, 1), {k: v.movedim(0, 1) for k, v in frames.items()})
    out = FlatField(axis=axis, dead="interpolate")(item)
    wanted = ramp.clone()
    wanted[:, 0, 0] = wanted[:, 0, 1]
    assert torch.allclose(out.data, wanted.movedim(0, axis), atol=1e-6)
    assert out.meta["dead_pixels"] == 3


def test_a_dead_row_and_wrong_settings():
    with pytest.raises(DataError, match=r"a.h5 has a whole row \[1\] of dead pixels; crop it away"):
        FlatField(dead="interpolate")(scan(darks=torch.tensor([[0.0], [9e3]]).expand(2, 5)))
    with pytest.raises(ValueError, match="FlatField expects dead 'refuse' or 'interpolate', got 'mask'"):
        FlatField(dead="mask")
