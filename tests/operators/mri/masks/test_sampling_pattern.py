"""What every sampling pattern keeps: shapes, stacks, one answer everywhere, exact or stated acceleration."""

import pickle

import pytest
import torch

from recon.operators import CartesianMRI, PoissonDisc, SamplingPattern, UniformSampling, birdcage_maps
from recon.testing import check_operator, members

PATTERNS = members(SamplingPattern)
EXAMPLES = [example for cls in PATTERNS for example in cls.examples()]


def name(example):
    return f"{type(example).__name__}-{'frames' if example.per_frame else 'shared'}"


def test_all_patterns_are_listed():
    import recon.operators

    assert {cls.__name__ for cls in PATTERNS} <= set(recon.operators.__all__)
    assert len(PATTERNS) == 8


@pytest.mark.parametrize("pattern", EXAMPLES, ids=name)
def test_masks_are_booleans_of_the_image(pattern):
    for shape in [(40, 36), (41, 33), (30, 40, 28)]:
        mask = pattern(shape)
        assert mask.shape == shape
        assert mask.dtype == torch.bool
        assert mask.any()
        assert not mask.all()
    plane, volume = pattern((40, 36)), pattern((40, 36, 3))
    if getattr(pattern, "axis", None) is None:
        assert torch.equal(volume, plane[..., None].expand(40, 36, 3))


@pytest.mark.parametrize("pattern", EXAMPLES, ids=name)
def test_the_same_settings_give_the_same_mask(pattern):
    first = pattern((40, 36), (3,))
    torch.rand(3)
    torch.testing.assert_close(pickle.loads(pickle.dumps(pattern))((40, 36), (3,)), first)
    assert first.shape == ((3, 40, 36) if pattern.per_frame else (40, 36))
    if pattern.per_frame:
        assert not torch.equal(first[0], first[1])
        assert torch.equal(pattern((40, 36), (2, 2))[0], first[:2])  # a frame's mask depends on its index only
        assert torch.equal(pattern((40, 36)), first[0])


def test_operators_take_patterns_for_masks():
    pattern = PoissonDisc(3.0, calib_width=4)
    maps = birdcage_maps((12, 10), 3)
    assert torch.equal(CartesianMRI(pattern, maps).mask, pattern((12, 10)))
    assert torch.equal(CartesianMRI(pattern, shape=(12, 10)).mask, pattern((12, 10)))
    check_operator(CartesianMRI(pattern, maps))
    with pytest.raises(ValueError, match=r"CartesianMRI needs the shape \(ny, nx\) of the image"):
        CartesianMRI(pattern)


def test_shapes_that_are_no_images():
    with pytest.raises(ValueError, match=r"UniformSampling expects the shape .* got \(3, 4, 5, 6\)"):
        UniformSampling()((3, 4, 5, 6))
    with pytest.raises(ValueError, match="UniformSampling expects an axis of images of shape"):
        UniformSampling(axis=2)((30, 40))
    with pytest.raises(ValueError, match="UniformSampling has 20 samples along an axis, fewer than its centre of 24"):
        UniformSampling()((20, 40))
