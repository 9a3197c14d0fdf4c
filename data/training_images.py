"""The images on which the diffusion priors are trained: nothing is downloaded, all comes from random numbers.

Phantom slices are sums of ellipses like heads, chests and bodies in CT and MRI; small images are patches of occluding
leaves and of the pictures of scikit-image on which the denoiser of this folder was trained as well.
"""

from __future__ import annotations

from math import pi

import numpy as np
import torch
from train_denoiser import dead_leaves, pictures

from recon.operators import Volume
from recon.phantoms import Ellipse, EllipsePhantom, shepp_logan

Array = np.ndarray
Part = tuple[float, float, float, float, float, float]
"""Value, semi-axes a and b, centre x and y, and angle, with the field of view from −1 to 1 and y downwards."""

SLICE_PIXELS, SMALL_PIXELS = 64, 32
LEAVES_SIZE, PATCHES_PER_LEAVES, PICTURE_SHARE = 160, 40, 0.25
CT_UNIT = 0.05
"""1/mm at a value of 1 in CT slices: water is 0.4 and the hardest bone 1."""


def phantom_slices(seed: int, count: int) -> Array:
    """Slices of 64 × 64 pixels in [0, 1], four in ten of them CT, as many MRI and the others ellipses at random."""
    return np.stack([phantom_slice(np.random.default_rng([seed, i])) for i in range(count)])


def phantom_slice(rng: np.random.Generator) -> Array:
    """One slice, turned a little, stretched and moved."""
    kinds = (_ct_body, _ct_chest, _ct_head, _mri_head, _shepp_logan, _ellipses)
    parts = kinds[rng.choice(len(kinds), p=(0.18, 0.12, 0.1, 0.4, 0.08, 0.12))](rng)
    turn, size = rng.normal(0, 0.12), rng.uniform(0.8, 1)
    right, down = rng.uniform(-0.06, 0.06, 2)
    sine, cosine = np.sin(turn), np.cos(turn)
    ellipses = [
        Ellipse(
            v,
            size * a,
            size * b,
            size * (cosine * x - sine * y) + right,
            size * (sine * x + cosine * y) + down,
            p + turn,
        )
        for v, a, b, x, y, p in parts
    ]
    grid = Volume((SLICE_PIXELS, SLICE_PIXELS), 2 / SLICE_PIXELS)
    image = EllipsePhantom(ellipses).rasterise(grid, samples=6).clamp(0, 1)
    if rng.random() < 0.5:
        image = image * _shade(rng, grid)
    clipped: Array = image.clamp(0, 1).numpy()
    return clipped


def _ct_body(rng: np.random.Generator) -> list[Part]:
    """Soft tissue under a layer of fat, with organs, air and bone that do not overlap."""
    water = 0.02 / CT_UNIT
    a, b = rng.uniform(0.68, 0.9), rng.uniform(0.55, 0.88)
    fat = rng.uniform(0.03, 0.09)
    parts: list[Part] = [(0.9 * water, a, b, 0, 0, 0), (0.1 * water, a - fat, b - fat, 0, 0, 0)]
    kinds = [(-0.75, 0.14, 0.27), (-0.75, 0.09, 0.22), (1.0, 0.06, 0.11), (0.8, 0.03, 0.07)]
    kinds += [(0.15, 0.08, 0.2), (-0.1, 0.08, 0.2), (0.3, 0.025, 0.06)] * 3
    return parts + _apart(rng, a - fat, b - fat, [kind for kind in kinds if rng.random() < 0.85], water)


def _ct_chest(rng: np.random.Generator) -> list[Part]:
    """Wall, lungs, heart, spine with its canal, ribs, and vessels in the lungs."""
    water = 0.02 / CT_UNIT
    a, b, wall = rng.uniform(0.75, 0.92), rng.uniform(0.52, 0.72), rng.uniform(0.06, 0.12)
    parts: list[Part] = [(0.92 * water, a, b, 0, 0, 0), (0.08 * water, a - wall / 2, b - wall / 2, 0, 0, 0)]
    lungs = []
    for side in (-1, 1):
        wide, high = rng.uniform(0.3, 0.38) * a, rng.uniform(0.6, 0.78) * b
        lungs.append((wide, high, side * rng.uniform(0.46, 0.52) * a, rng.uniform(-0.06, 0.04) * b, side * -0.15))
    empty = rng.uniform(-0.8, -0.65) * water
    parts += [(empty, *lung) for lung in lungs]
    parts.append(
        (
            rng.uniform(0.5, 0.78) * water,
            rng.uniform(0.16, 0.24) * a,
            rng.uniform(0.24, 0.36) * b,
            rng.uniform(0.0, 0.18) * a,
            rng.uniform(-0.25, -0.05) * b,
            rng.uniform(0, 1),
        )
    )
    spine = rng.uniform(0.55, 0.68) * b
    parts += [
        (rng.uniform(0.6, 1.0) * water, 0.12 * a, 0.14 * b, 0, spine, 0),
        (-0.6 * water, 0.04 * a, 0.05 * b, 0, spine, 0),
    ]
    bone = rng.uniform(0.6, 1.2) * water
    for angle in np.arange(rng.integers(5, 9)) * pi / 4 + rng.uniform(0, 1):
        x, y = (a - 0.6 * wall) * np.cos(angle), (b - 0.6 * wall) * np.sin(angle)
        parts.append((bone, 0.06, 0.022, x, y, np.arctan2(b * np.cos(angle), -a * np.sin(angle))))
    for _ in range(rng.integers(0, 8)):
        wide, high, x, y, _tilt = lungs[rng.integers(2)]
        r, along, angle = rng.uniform(0.015, 0.05), rng.uniform(0, 0.7), rng.uniform(0, 2 * pi)
        parts.append(
            (rng.uniform(0.4, 0.7) * water, r, r, x + along * wide * np.cos(angle), y + along * high * np.sin(angle), 0)
        )
    return parts


def _ct_head(rng: np.random.Generator) -> list[Part]:
    """Skin, skull, brain, ventricles, bleedings and calcifications."""
    a, b, skin, bone = rng.uniform(0.6, 0.76), rng.uniform(0.76, 0.92), rng.uniform(0.02, 0.05), rng.uniform(0.04, 0.09)
    skull, brain = rng.uniform(0.75, 1.0), rng.uniform(0.4, 0.45)
    inner = (a - skin - bone, b - skin - bone)
    parts: list[Part] = [
        (0.38, a, b, 0, 0, 0),
        (skull - 0.38, a - skin, b - skin, 0, 0, 0),
        (brain - skull, *inner, 0, 0, 0),
    ]
    parts += _ventricles(rng, *inner, -rng.uniform(0.03, 0.08))
    kinds = [(sign * rng.uniform(0.03, 0.1), 0.03, 0.16) for sign in rng.choice([-1, 1], rng.integers(1, 6))]
    kinds += [(rng.uniform(0.2, 0.5), 0.015, 0.04)] * int(rng.integers(0, 3))
    return parts + _apart(rng, *inner, kinds, 1.0)


def _mri_head(rng: np.random.Generator) -> list[Part]:
    """Scalp, skull, grey and white matter, ventricles, folds and lesions, weighted by T1, T2 or density."""
    a, b, scalp, bone = (
        rng.uniform(0.6, 0.78),
        rng.uniform(0.76, 0.94),
        rng.uniform(0.03, 0.07),
        rng.uniform(0.03, 0.05),
    )
    weighting = rng.integers(3)
    fat, grey, white, fluid = ((0.9, 0.5, 0.7, 0.15), (0.6, 0.55, 0.4, 0.95), (0.85, 0.75, 0.6, 0.7))[weighting]
    fat, grey, white, fluid = (float(v * rng.uniform(0.88, 1.08)) for v in (fat, grey, white, fluid))
    dark, cortex = rng.uniform(0.03, 0.12), rng.uniform(0.1, 0.17)
    outer = (a - scalp - bone, b - scalp - bone)
    inner = (outer[0] - cortex, outer[1] - cortex)
    parts: list[Part] = [
        (fat, a, b, 0, 0, 0),
        (dark - fat, a - scalp, b - scalp, 0, 0, 0),
        (grey - dark, *outer, 0, 0, 0),
    ]
    parts.append((white - grey, *inner, 0, 0, 0))
    parts += _ventricles(rng, *inner, fluid - white)
    nuclei = rng.uniform(0.25, 0.4) * inner[0]
    parts += [
        (0.7 * (grey - white), 0.08, rng.uniform(0.08, 0.15), side * nuclei, rng.uniform(0, 0.15), side * 0.2)
        for side in (-1, 1)
    ]
    count = int(rng.integers(16, 60))
    for angle in np.arange(count) * 2 * pi / count + rng.uniform(-0.03, 0.03, count):
        step = float(rng.choice([fluid - grey, white - grey])) * rng.uniform(0.4, 1)
        x, y = (outer[0] - cortex / 2) * np.cos(angle), (outer[1] - cortex / 2) * np.sin(angle)
        parts.append((step, rng.uniform(0.014, 0.025), rng.uniform(0.035, 0.08), x, y, angle + pi / 2))
    for _ in range(rng.integers(0, 8)):
        r, angle, along = rng.uniform(0.012, 0.09), rng.uniform(0, 2 * pi), rng.uniform(0.3, 0.8)
        step = rng.choice([-1, 1]) * rng.uniform(0.06, 0.3)
        parts.append(
            (
                step,
                r,
                r * rng.uniform(0.6, 1),
                along * inner[0] * np.cos(angle),
                along * inner[1] * np.sin(angle),
                angle,
            )
        )
    return parts


def _shepp_logan(rng: np.random.Generator) -> list[Part]:
    """The Shepp-Logan head with every number changed by some per cent, in its own contrast or a stronger one."""
    gain = rng.uniform(1, 2.5)
    parts = []
    for k, e in enumerate(shepp_logan(0.98).ellipses):
        value = e.value * (rng.uniform(0.9, 1) if k == 0 else 1.0 if k == 1 else gain * rng.uniform(0.7, 1.1))
        x, y = e.x + rng.normal(0, 0.012), e.y + rng.normal(0, 0.012)
        a, b = (v * rng.uniform(0.93, 1.05) for v in (e.a, e.b))
        parts.append((value, a, b, x, y, e.angle + rng.normal(0, 0.05)))
    return parts


def _ellipses(rng: np.random.Generator) -> list[Part]:
    """Up to a dozen ellipses anywhere in a round field of view, on a body or on nothing."""
    parts: list[Part] = []
    if rng.random() < 0.5:
        parts.append((rng.uniform(0.15, 0.6), *rng.uniform(0.6, 0.9, 2), 0, 0, 0))  # type: ignore[arg-type]
    for _ in range(rng.integers(1, 13)):
        a, b = np.exp(rng.uniform(np.log(0.03), np.log(0.45), 2))
        along, angle = rng.uniform(0, 1) ** 0.5 * (0.9 - max(a, b)), rng.uniform(0, 2 * pi)
        step = rng.uniform(0.05, 0.6) * (rng.choice([-1, 1]) if parts else 1)
        parts.append((step, a, b, along * np.cos(angle), along * np.sin(angle), rng.uniform(0, pi)))
    return parts


def _ventricles(rng: np.random.Generator, a: float, b: float, step: float) -> list[Part]:
    wide, high, tilt = rng.uniform(0.06, 0.14) * a, rng.uniform(0.15, 0.36) * b, rng.uniform(0.1, 0.4)
    return [(step, wide, high, side * (wide + 0.05), -0.06, side * -tilt) for side in (-1, 1)]


def _apart(
    rng: np.random.Generator, a: float, b: float, kinds: list[tuple[float, float, float]], unit: float
) -> list[Part]:
    """Ellipses of (value, smallest, largest size) in one with axes a and b, none of them touching another."""
    parts: list[Part] = []
    taken: list[tuple[float, float, float]] = []
    for value, least, most in kinds:
        for _ in range(60):
            r, along, angle = rng.uniform(least, most), rng.uniform(0, 1) ** 0.5, rng.uniform(0, 2 * pi)
            x, y = along * (a - 0.03 - r) * np.cos(angle), along * (b - 0.03 - r) * np.sin(angle)
            if r + 0.05 < min(a, b) and all(np.hypot(x - u, y - v) > r + s + 0.015 for u, v, s in taken):
                taken.append((x, y, r))
                parts.append((value * unit, r, r * rng.uniform(0.5, 1), x, y, rng.uniform(0, pi)))
                break
    return parts


def _shade(rng: np.random.Generator, grid: Volume) -> torch.Tensor:
    """A smooth factor, as of receivers."""
    x, y = grid.centres(1)[None, :], grid.centres(0)[:, None]
    c = [float(v) for v in rng.uniform(-1, 1, 3)]
    return (1 + 0.12 * (c[0] * x + c[1] * y + c[2] * (x**2 - y**2))).float()


def small_images(seed: int, count: int, share: float = PICTURE_SHARE) -> Array:
    """Patches of 32 × 32 pixels in [0, 1] at scales of 1, ½ and ¼, some of them negatives.

    A ``share`` of them is of pictures, the others are of leaves.
    """
    rng = np.random.default_rng(seed)
    photos = pictures()
    sizes = np.array([picture.size for picture in photos], float) ** 0.5
    patches: list[Array] = []
    while len(patches) < count:
        leaves = dead_leaves(rng, LEAVES_SIZE)
        for _ in range(PATCHES_PER_LEAVES):
            chosen = photos[rng.choice(len(photos), p=sizes / sizes.sum())] if rng.random() < share else leaves
            patches.append(patch(rng, chosen, int(rng.choice([1, 2, 4], p=[0.6, 0.3, 0.1]))))
    return np.stack(patches[:count])


def patch(rng: np.random.Generator, picture: Array, scale: int, *, plain: bool = False) -> Array:
    """A part of a picture at 1/scale of its size; turned and mirrored and in a random contrast unless ``plain``."""
    pixels = SMALL_PIXELS
    while scale * pixels > min(picture.shape):
        scale //= 2
    side = scale * pixels
    row, column = (rng.integers(length - side + 1) for length in picture.shape)
    part = picture[row : row + side, column : column + side].reshape(pixels, scale, pixels, scale).mean((1, 3))
    if plain:
        plainly: Array = part.astype(np.float32)
        return plainly
    part = np.rot90(part, rng.integers(4))[:, :: rng.choice([-1, 1])]
    part = 1 - part if rng.random() < 0.3 else part
    gain = rng.uniform(0.5, 1) if rng.random() < 0.5 else 1.0
    return (gain * part + rng.uniform(0, 1 - gain)).clip(0, 1).astype(np.float32)
