"""Projections piece by piece are those of the whole."""

import pickle

import pytest
import torch

from recon.operators import ConeBeam, FanBeam, OutOfCore, ParallelBeam, RayTransform, VectorBeam, Volume
from recon.operators.ct import out_of_core

DOUBLE = {"dtype": torch.float64, "generator": torch.Generator().manual_seed(0)}
CONE = ConeBeam([0.3, 2.0, 7.1, -1.0], 6, 9, 20.0, 30.0, (1.4, 1.2), (0.4, -0.3), (0.2, 0.5), helical_pitch=1.5)
STEEP = VectorBeam([(20.0, 1.0, 2.0)], [(0.1, 0.2, 1.2)], 9, sources=[(-30.0, 2.0, -1.0)], v=[(0.2, 1.3, 0.1)], rows=8)
THICK = Volume((7, 6, 8), (1.1, 0.8, 0.9), (0.2, 0.3, -0.4))
SCANS = [(THICK, CONE), (THICK, STEEP), (Volume((11, 8)), FanBeam([0.3, 2.0, -1.0], 16, 20.0, 30.0, 1.4))]


@pytest.mark.parametrize(("volume", "geometry"), SCANS, ids=["helix", "steep", "fan"])
@pytest.mark.parametrize("memory", [4000, 7000, 10**6])
def test_equals_the_whole_and_its_transpose(volume, geometry, memory):
    whole = RayTransform(volume, geometry, "joseph")
    pieces = OutOfCore(whole, "cpu", memory)
    x, y = torch.rand(2, *volume.shape, **DOUBLE), torch.rand(2, *geometry.shape, **DOUBLE)
    torch.testing.assert_close(pieces(x), whole(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(pieces.adjoint(y), whole.adjoint(y), rtol=1e-12, atol=1e-12)
    assert abs(float((pieces(x) * y).sum() / (x * pieces.adjoint(y)).sum()) - 1) < 1e-14
    assert torch.equal(pickle.loads(pickle.dumps(pieces))(x), pieces(x))


def test_pieces_fit_into_the_memory():
    whole = RayTransform(Volume((40, 16, 16)), ConeBeam([0.1 * a for a in range(30)], 12, 24, 60.0, 90.0, 1.5))
    for memory in (20_000, 60_000, 200_000, 10**7):
        planes, views = OutOfCore(whole, "cpu", memory).pieces(torch.float32)
        assert 1 <= planes <= 40
        assert 1 <= views <= 30
        assert 4 * (2 * 256 * planes + 2 * 288 * views) <= memory
    assert OutOfCore(whole, "cpu", 10**7).pieces() == (40, 30)


def test_never_sends_more_than_the_memory_to_the_device(monkeypatch):
    whole = RayTransform(Volume((40, 16, 16)), ConeBeam([0.1 * a for a in range(30)], 12, 24, 60.0, 90.0, 1.5))
    sent = []

    def counting(function):
        def run(items, rays, spacing, shape):
            out = function(items, rays, spacing, shape)
            sent.append(4 * (items.numel() + out.numel()))
            return out

        return run

    for name in ("rays_project", "rays_backproject"):
        monkeypatch.setattr(out_of_core, name, counting(getattr(out_of_core, name)))
    pieces = OutOfCore(whole, "cpu", 60_000)
    pieces.adjoint(pieces(torch.rand(whole.domain_shape)))
    assert len(sent) > 4
    assert max(sent) <= 60_000


def test_refuses_in_a_sentence():
    whole = RayTransform(THICK, CONE)
    with pytest.raises(ValueError, match=r"memory for a plane and a view, 816 bytes, got 500; raise memory"):
        OutOfCore(whole, "cpu", 500)
    with pytest.raises(ValueError, match="OutOfCore expects the device 'cuda' or 'cpu', got 'nowhere'"):
        OutOfCore(whole, "nowhere")
    with pytest.raises(ValueError, match="Joseph's model, got model 'shear'; take 'joseph'"):
        OutOfCore(RayTransform(Volume((8, 8)), ParallelBeam([0.0], 12), "shear"), "cpu")
    with pytest.raises(TypeError, match="OutOfCore expects a RayTransform, got Volume"):
        OutOfCore(THICK, "cpu")
