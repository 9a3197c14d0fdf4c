from __future__ import annotations

import pytest

from recon.solvers import ConformalRegion
from tests.solvers.sampling.calibration.gaussian_sets import drawn


@pytest.mark.parametrize("shape", ["ball", "ellipsoid"])
@pytest.mark.parametrize("width", [0.4, 1.0, 2.0])
def test_nominal_regions_cover_after_calibration(shape: str, width: float) -> None:
    calibrated = ConformalRegion.fit(*drawn(1600, 30, 0, width=width), shape=shape)
    found, truth = drawn(2000, 30, 1, width=width)
    assert float(calibrated(found).contains(truth).double().mean()) == pytest.approx(0.9, abs=0.025)
    assert calibrated.factor == pytest.approx(1 / width, rel=0.1)
    assert calibrated.guarantee == pytest.approx((0.1 - 1 / 1601, 0.1))


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a level of 0.9 needs at least 9 complete samples, got 5"):
        ConformalRegion.fit(*drawn(20, 5, 0))
