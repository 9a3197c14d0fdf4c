"""Noise of known covariance, white afterwards."""

import pytest
import torch

from recon.files import DataError, Item
from recon.operators import CartesianMRI, Trajectory, noise_covariance
from recon.preprocess import Prewhiten

GENERATOR = torch.Generator().manual_seed(0)
COILS = 3


def random(*shape):
    return torch.randn(shape, dtype=torch.complex128, generator=GENERATOR)


MIXING = random(COILS, COILS) + 2 * torch.eye(COILS)


def noise(*shape):
    return torch.tensordot(MIXING, random(COILS, *shape), 1)


def test_a_noise_scan_becomes_white_exactly():
    item = Item("a", "a.h5", random(COILS, 6, 5), {"noise": noise(40, 10)})
    white = Prewhiten(sigma=0.3)(item)
    torch.testing.assert_close(noise_covariance(white.aux["noise"]), 2 * 0.3**2 * torch.eye(3, dtype=torch.complex128))
    assert white.meta["prewhitened"]["noise_from"] == "noise"


@pytest.mark.parametrize("stack", [(), (2,)])
@pytest.mark.parametrize("told", ["covariance", "noise_covariance", "noise", "edge"])
def test_the_noise_in_the_data_gets_the_stated_level(stack, told):
    """64 · 64 samples tell a variance to 2 %; each real component of each coil has σ."""
    psi = MIXING @ MIXING.mH
    data = noise(*stack, 64, 64).movedim(0, -3)
    arrays = {"noise_covariance": psi} if told == "noise_covariance" else {"noise": noise(20000)}
    steps = {"covariance": Prewhiten(tuple(map(tuple, psi.tolist()))), "edge": Prewhiten(edge=0.8)}
    white = steps.get(told, Prewhiten())(Item("a", "a.h5", data, {} if told in steps else arrays)).data
    flat = white.movedim(-3, 0).flatten(1)
    covariance = flat @ flat.mH / flat.shape[1]
    torch.testing.assert_close(covariance / 2, torch.eye(3, dtype=torch.complex128), atol=0.06, rtol=0)
    assert float(flat.real.std()) == pytest.approx(1, abs=0.02)
    assert float(flat.imag.std()) == pytest.approx(1, abs=0.02)


def test_maps_are_transformed_alike_so_that_the_operator_still_explains_the_data():
    maps, image = random(COILS, 6, 5), random(6, 5)
    item = Item("a", "a.h5", CartesianMRI(torch.ones(1), maps)(image), {"coil_maps": maps, "noise": noise(50)})
    white = Prewhiten()(item)
    again = CartesianMRI(torch.ones(1), white.aux["coil_maps"])(image)
    torch.testing.assert_close(again, white.data)


def test_the_edge_is_what_is_farthest_from_the_centre():
    """Signal in the centre of k-space does not enter the covariance."""
    data = noise(32, 32)
    strong = data.clone()
    strong[:, 8:25, 8:25] += 1e6
    edge = Prewhiten(edge=0.2)
    torch.testing.assert_close(edge(Item("a", "a", strong)).data[:, 0], edge(Item("a", "a", data)).data[:, 0])


def test_the_edge_of_other_scans_is_told_by_their_points():
    """Spokes have their centre in the middle; in the order of their samples the edge would hold it."""
    points = Trajectory.radial(40, 32).points.roll(16, 2)
    inside = points.square().sum(0) < 0.15
    data = noise(40, 32)
    edge, arrays = Prewhiten(edge=0.2), {"trajectory": points}
    weak = edge(Item("a", "a", data, arrays)).data
    strong = edge(Item("a", "a", data + 1e6 * inside, arrays)).data
    torch.testing.assert_close(strong[:, ~inside], weak[:, ~inside])
    series = edge(Item("a", "a", torch.stack([data[:, :20], data[:, 20:]]), arrays)).data
    torch.testing.assert_close(torch.cat(list(series), 1), weak)


@pytest.mark.parametrize(
    ("step", "arrays", "sentence"),
    [
        (Prewhiten(), {}, "has no noise scan; name its array in input.keys as noise"),
        (Prewhiten(), {"noise": noise(2)}, "expects more samples than coils, got 2 of 3 coils"),
        (Prewhiten(), {"noise": random(4, 50)}, "prewhiten has noise of 4 coils, and the axis -3 of a.h5"),
        (Prewhiten(((1.0, 2.0, 0), (2.0, 1.0, 0), (0, 0, 1))), {}, "Hermitian and positive definite"),
        (
            Prewhiten(edge=0.5),
            {"trajectory": torch.zeros(2, 6, 4)},
            "has a trajectory of shape .2, 6, 4., which is not",
        ),
        (Prewhiten(((1.0, 0.0), (0.0,))), {}, "expects a covariance of 2 rows of 2 numbers each"),
        (Prewhiten(edge=0.05), {}, "has 1 samples on the edge of k-space, fewer than coils"),
    ],
)
def test_what_is_refused(step, arrays, sentence):
    with pytest.raises(DataError, match=sentence):
        step(Item("a", "a.h5", random(COILS, 6, 5), arrays))


def test_settings_are_checked():
    with pytest.raises(ValueError, match="sigma > 0"):
        Prewhiten(sigma=0)
    with pytest.raises(ValueError, match="edge between 0 and 1"):
        Prewhiten(edge=1.5)
    with pytest.raises(ValueError, match="covariance or edge, not both"):
        Prewhiten(((1.0,),), edge=0.1)
