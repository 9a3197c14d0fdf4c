"""Every prior of the room obeys the laws of priors."""

import pytest

import recon.priors  # noqa: F401  (defines the members)
from recon.priors import Prior, TotalVariation
from recon.testing import check_prior, members


@pytest.mark.parametrize("cls", [c for c in members(Prior) if c is not Prior], ids=lambda cls: cls.__name__)
def test_prior(cls):
    examples = list(cls.examples())
    assert examples, f"{cls.__name__} gives no examples."
    for number, prior in enumerate(examples):
        assert isinstance(prior, cls)
        # The parts of terms are members themselves: once per class is enough here.
        check_prior(prior, skip=("parts",) if number and hasattr(prior, "terms") else ())


@pytest.mark.parametrize("shape", [(9,), (1, 8), (3, 17), (12, 12), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("isotropic", [True, False])
def test_embedding_of_total_variation(shape, isotropic):
    check_prior(TotalVariation(0.3, isotropic=isotropic), shape=shape, only=("embedding", "constants"))
