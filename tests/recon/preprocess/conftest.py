"""Projections known in closed form."""

import numpy as np
import pytest
import torch

# centre x, y, half axes a, b (fractions of the detector's half width), angle, density
ELLIPSES = [
    (0.05, -0.1, 0.62, 0.45, 0.4, 1.0),
    (-0.2, 0.1, 0.15, 0.25, 1.1, -0.5),
    (0.3, -0.2, 0.08, 0.12, 0.0, 0.8),
    (0.1, 0.2, 0.04, 0.04, 0.0, -0.6),
]


@pytest.fixture
def sinogram():
    """``sinogram(angles, bins, offset, size=1.0)``: ellipses about an axis ``offset`` bins from the detector's centre.

    Each bin is the mean over its width, by 8 lines; ``size`` scales the object, which fits on the detector for 1.
    """

    def project(angles, bins, offset, size=1.0):
        fine = 8
        s = (np.arange(bins * fine) + 0.5) / fine - bins / 2 - offset
        total = np.zeros((len(angles), bins * fine))
        half = size * bins / 2
        for x, y, a, b, phi, density in ELLIPSES:
            a, b = a * half, b * half
            theta = np.asarray(angles)[:, None]
            radius = (a * np.cos(theta - phi)) ** 2 + (b * np.sin(theta - phi)) ** 2
            t = s - half * (x * np.cos(theta) + y * np.sin(theta))
            total += density * 2 * a * b * np.sqrt(np.maximum(radius - t**2, 0)) / radius
        return torch.from_numpy(total.reshape(len(angles), bins, fine).mean(-1) / half)

    return project
