"""Makes the sample data of this folder: ``python data/make_samples.py [FOLDER]``.

Every sample is simulated from an object known exactly, or from a photograph, with a fixed seed. None of them is made
with the operator that later reconstructs it on the same grid: line integrals come from a formula, k-space from a grid
four times as fine or from a formula too, and the blurred photograph has lost the border that a blur cannot know.
"""

from __future__ import annotations

import sys
from math import pi
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from recon.operators import (
    Blur,
    ConeBeam,
    FanBeam,
    ParallelBeam,
    RandomSampling,
    Trajectory,
    Volume,
    centred_fft,
    motion_psf,
)
from recon.phantoms import (
    Ellipse,
    EllipsePhantom,
    SinusoidalCoils,
    beating_heart,
    relaxation_head,
    shepp_logan,
    shepp_logan_3d,
)

Array = np.ndarray

CT_VIEWS, CT_PIXELS, CT_SIGMA = 40, 256, 0.02
FAN_VIEWS, FAN_BINS, FAN_SIGMA = 60, 192, 0.02
CONE_VIEWS, CONE_ROWS, CONE_BINS, CONE_SIGMA = 36, 48, 64, 0.02
PET_VIEWS, PET_BINS, PET_PITCH, PET_BLANK = 192, 160, 3.375, 40.0
MRI_PIXELS, MRI_COILS, MRI_FIELD_OF_VIEW, MRI_SIGMA = 160, 6, 220.0, 0.01
MRI_CENTRE_LINES, MRI_LINES, MRI_FINER = 24, 53, 4
ECHOES, ECHO_SPACING, ECHO_PIXELS, ECHO_COILS, ECHO_SIGMA = 8, 0.015, 96, 8, 0.01
HEART_FRAMES, HEART_PIXELS, HEART_COILS, HEART_FIELD_OF_VIEW, HEART_SIGMA = 16, 72, 4, 300.0, 0.005
RADIAL_SPOKES, RADIAL_PIXELS, RADIAL_COILS, RADIAL_SIGMA = 34, 112, 4, 0.01
BLUR_SIGMA, MASK_SIGMA, MASK_KEPT = 0.01, 0.01, 0.4
SMALL_SLICE, SMALL_VIEWS, SMALL_CT_SIGMA, SMALL_COILS, SMALL_MRI_SIGMA = 64, 12, 0.02, 4, 0.02
SMALL_PHOTO, SMALL_PHOTO_SIGMA = 32, 0.02
"""Of the samples for the diffusion priors that come with recon."""

SEVERAL, PIXELS = 8, 128
"""How many images the benchmarks have of a kind, the last two for finding parameters, and how many pixels each way."""
BODY_VIEWS, BODY_PITCH, BODY_SIGMA, SLICE_COILS = 120, 2.0, 0.02, 8
PHOTOGRAPHS = {
    "01_face": ("astronaut", 2, 0, 60),
    "02_helmet": ("astronaut", 2, 128, 128),
    "03_cameraman": ("camera", 2, 22, 0),
    "04_field": ("camera", 2, 56, 128),
    "05_cat": ("chelsea", 2, 11, 50),
    "06_cup": ("coffee", 2, 0, 110),
    "07_rocket": ("rocket", 2, 70, 90),
    "08_wood": ("coffee", 1, 20, 20),
    "09_arm": ("astronaut", 2, 128, 0),
    "10_spoon": ("coffee", 1, 258, 330),
}
"""Name to photograph of scikit-image, how many of its pixels make one, and first row and column of the part."""


def few_view_ct(path: Path) -> None:
    """Line integrals of the Shepp-Logan head, 40 parallel views of 256 bins of 1 mm, plus white noise of σ = 0.02."""
    head = shepp_logan(radius=120.0, value=0.1)
    angles = [pi * view / CT_VIEWS for view in range(CT_VIEWS)]
    clean = head.line_integrals(ParallelBeam(angles, CT_PIXELS), samples=8)
    noise = np.random.default_rng(1).normal(0, CT_SIGMA, clean.shape)
    arrays = {
        "data": (clean.numpy() + noise).astype(np.float32),
        "angles": np.asarray(angles),
        "truth": head.rasterise(Volume((CT_PIXELS, CT_PIXELS))).clamp(min=0).numpy(),  # 0, not -1e-17, between ellipses
    }
    _write_hdf5(path, arrays, {"angles": "rad", "truth": "1/mm", "sigma": CT_SIGMA, "pixel_mm": 1.0})


def fan_beam_ct(path: Path) -> None:
    """Line integrals of the Shepp-Logan head in a fan, 60 views of 192 bins, plus white noise of σ = 0.02."""
    head = shepp_logan(radius=85.0, value=0.1)
    degrees = np.arange(FAN_VIEWS) * (360 / FAN_VIEWS)
    scan = FanBeam(np.deg2rad(degrees), FAN_BINS, source_to_axis=400.0, source_to_detector=600.0, pitch=1.5)
    noise = np.random.default_rng(5).normal(0, FAN_SIGMA, scan.shape)
    arrays = {
        "data": (head.line_integrals(scan, samples=8).numpy() + noise).astype(np.float32),
        "angles": degrees,
        "truth": head.rasterise(Volume((FAN_BINS, FAN_BINS))).clamp(min=0).numpy(),
    }
    _write_hdf5(path, arrays, {"angles": "deg", "truth": "1/mm", "sigma": FAN_SIGMA, "pixel_mm": 1.0})


def cone_beam_ct(path: Path) -> None:
    """Line integrals of the Shepp-Logan head in a cone, 36 views of 48 × 64 bins, plus white noise of σ = 0.02."""
    head = shepp_logan_3d(radius=23.0, value=0.2)
    degrees = np.arange(CONE_VIEWS) * (360 / CONE_VIEWS)
    scan = ConeBeam(
        np.deg2rad(degrees), CONE_ROWS, CONE_BINS, source_to_axis=160.0, source_to_detector=240.0, pitch=1.5
    )
    noise = np.random.default_rng(6).normal(0, CONE_SIGMA, scan.shape)
    arrays = {
        "data": (head.line_integrals(scan, samples=4).numpy() + noise).astype(np.float16),
        "angles": degrees,
        "truth": head.rasterise(Volume((CONE_ROWS, CONE_BINS, CONE_BINS))).clamp(min=0).numpy().astype(np.float16),
    }
    _write_hdf5(path, arrays, {"angles": "deg", "truth": "1/mm", "sigma": CONE_SIGMA, "pixel_mm": 1.0})


def pet_transmission(path: Path) -> None:
    """Counts behind a chest at 511 keV, 192 views of 160 bins of 3.375 mm, few enough that some are zero."""
    water, lung, bone = 0.0096, 0.0033, 0.0165
    chest = EllipsePhantom(
        [
            Ellipse(water, 178, 118),
            Ellipse(lung - water, 58, 78, -82, 6, 0.15),
            Ellipse(lung - water, 54, 74, 84, 6, -0.15),
            Ellipse(water - lung, 24, 30, 66, -8, 0.4),  # the heart
            Ellipse(bone - water, 18, 20, 0, 82),
            Ellipse(0.4 * water, 190, 9, 0, 140),  # the couch
        ]
    )
    degrees = np.arange(PET_VIEWS) * (180 / PET_VIEWS)
    scan = ParallelBeam(np.deg2rad(degrees), PET_BINS, pitch=PET_PITCH)
    bins = (np.arange(PET_BINS) - (PET_BINS - 1) / 2) / PET_BINS
    blank = np.broadcast_to((PET_BLANK * (1 - 1.2 * bins**2)).astype(np.float32), scan.shape)
    mean = blank * np.exp(-chest.line_integrals(scan, samples=4).numpy())
    arrays = {
        "data": np.random.default_rng(7).poisson(mean).astype(np.uint16),
        "blank": np.ascontiguousarray(blank),
        "angles": degrees,
        "truth": chest.rasterise(Volume((128, 128), 4.2)).clamp(min=0).numpy().astype(np.float32),
    }
    _write_hdf5(path, arrays, {"angles": "deg", "truth": "1/mm", "pitch_mm": PET_PITCH, "pixel_mm": 4.2})


def cartesian_mri(path: Path) -> None:
    """K-space of a head in six coils, a third of its lines, plus white noise of σ = 0.01 in either component."""
    n, coarse = MRI_PIXELS, MRI_FIELD_OF_VIEW / MRI_PIXELS
    fine = coarse / MRI_FINER
    grid = Volume((n, n), coarse)
    # index N//2, the centre of the Fourier transform, is to be the same point on both grids
    finer = Volume((n * MRI_FINER, n * MRI_FINER), fine, (coarse - fine) / 2)
    head = _head()
    image = head.rasterise(finer, samples=2) * _phase(finer)
    middle = slice((MRI_FINER - 1) * n // 2, (MRI_FINER + 1) * n // 2)
    clean = torch.stack([centred_fft(image * coil)[middle, middle] for coil in _coil_maps(finer)]) / MRI_FINER
    rng = np.random.default_rng(2)
    lines = _lines(rng, n, MRI_LINES, MRI_CENTRE_LINES)
    parts = rng.normal(0, MRI_SIGMA, (*clean.shape, 2))
    arrays = {
        "kspace": ((clean.numpy() + parts[..., 0] + 1j * parts[..., 1]) * lines[:, None]).astype(np.complex64),
        "mask": np.broadcast_to(lines[:, None], (n, n)).astype(np.uint8),
        "coil_maps": _rounded(_coil_maps(grid).numpy()),
        "truth": (head.rasterise(grid) * _phase(grid)).numpy().astype(np.complex64),
    }
    _write_hdf5(path, arrays, {"sigma": MRI_SIGMA, "field_of_view_mm": MRI_FIELD_OF_VIEW})


def multi_echo_mri(path: Path) -> None:
    """Eight spin echoes of a head in eight coils, a fourth of the lines of each and other ones in each, plus noise."""
    pixel = MRI_FIELD_OF_VIEW / ECHO_PIXELS
    grid = Volume((ECHO_PIXELS, ECHO_PIXELS), pixel)
    head, coils = relaxation_head(0.475 * MRI_FIELD_OF_VIEW), SinusoidalCoils.birdcage(grid, ECHO_COILS)
    times = ECHO_SPACING * np.arange(1, ECHOES + 1)
    clean = head.multi_echo_kspace(grid, times.tolist(), coils=coils).numpy()
    pattern = RandomSampling(acceleration=4, acs_lines=8, per_frame=True, seed=1)
    lines = pattern(grid.shape, (ECHOES,)).numpy()[:, :, :1]
    parts = np.random.default_rng(11).normal(0, ECHO_SIGMA, (*clean.shape, 2))
    truth = head.parameters(grid)
    arrays = {
        "kspace": _rounded((clean + parts[..., 0] + 1j * parts[..., 1]) * lines[:, None]),
        "mask": lines.astype(np.uint8),
        "coil_maps": _rounded(coils.maps(grid).numpy()),
        "echo_times": times,
        "t2": truth["t2"].numpy(),
        "m0": truth["m0"].numpy(),
    }
    _write_hdf5(path, arrays, {"sigma": ECHO_SIGMA, "echo_times": "s", "t2": "s", "pixel_mm": pixel})


def dynamic_mri(path: Path) -> None:
    """A beating heart in four coils, a sixth of the lines of each of 16 frames, changing ones, plus noise."""
    pixel = HEART_FIELD_OF_VIEW / HEART_PIXELS
    grid = Volume((HEART_PIXELS, HEART_PIXELS), pixel)
    coils = SinusoidalCoils.birdcage(grid, HEART_COILS, waves=3)
    series = beating_heart(HEART_FIELD_OF_VIEW * 0.45, HEART_FRAMES)
    clean = torch.stack([frame.kspace(grid, coils=coils) for frame in series]).numpy()
    pattern = RandomSampling(acceleration=6, acs_lines=4, power=1.5, per_frame=True, seed=3)
    lines = pattern(grid.shape, (HEART_FRAMES,)).numpy()[:, :, :1]
    parts = np.random.default_rng(12).normal(0, HEART_SIGMA, (*clean.shape, 2))
    arrays = {
        "kspace": _rounded((clean + parts[..., 0] + 1j * parts[..., 1]) * lines[:, None]),
        "mask": lines.astype(np.uint8),
        "coil_maps": _rounded(coils.maps(grid).numpy()),
        "truth": torch.stack([frame.rasterise(grid) for frame in series]).numpy().astype(np.complex64),
    }
    _write_hdf5(path, arrays, {"sigma": HEART_SIGMA, "pixel_mm": pixel})


def radial_mri(path: Path) -> None:
    """A head in four coils on 34 spokes at the golden angle, a fifth of those that its pixels ask for, plus noise."""
    pixel = MRI_FIELD_OF_VIEW / RADIAL_PIXELS
    grid = Volume((RADIAL_PIXELS, RADIAL_PIXELS), pixel)
    coils = SinusoidalCoils.birdcage(grid, RADIAL_COILS, waves=3)
    head = shepp_logan(0.45 * MRI_FIELD_OF_VIEW)
    scan = Trajectory.golden_angle(RADIAL_SPOKES, 2 * RADIAL_PIXELS)
    clean = head.kspace(grid, scan, coils).numpy()
    parts = np.random.default_rng(13).normal(0, RADIAL_SIGMA, (*clean.shape, 2))
    arrays = {
        "kspace": _rounded(clean + parts[..., 0] + 1j * parts[..., 1]),
        "coil_maps": _rounded(coils.maps(grid).numpy()),
        "truth": head.rasterise(grid).numpy().astype(np.complex64),
    }
    _write_hdf5(path, arrays, {"sigma": RADIAL_SIGMA, "pixel_mm": pixel})


def blurred_photograph(folder: Path) -> None:
    """The photograph "camera" at half its size, moved by 11 pixels during exposure, plus noise of σ = 0.01; 16 bits."""
    from skimage import data

    photo = data.camera().reshape(256, 2, 256, 2).mean((1, 3))
    truth = np.rint(photo).astype(np.uint8)
    psf = motion_psf(11.0, 0.5)
    blurred = Blur(psf, truth.shape, boundary="valid")(torch.from_numpy(truth / 255))
    noisy = blurred.numpy() + np.random.default_rng(3).normal(0, BLUR_SIGMA, blurred.shape)
    _write_png(folder / "blurred.png", np.rint(65535 * noisy.clip(0, 1)).astype(np.uint16))
    _write_png(folder / "blurred_truth.png", truth)
    np.save(folder / "motion_psf.npy", psf.numpy())


def masked_photograph(folder: Path) -> None:
    """The photograph "Chelsea the cat", of which two pixels in five are left, plus noise of σ = 0.01."""
    from skimage import data

    truth = data.chelsea()[10:266, 100:356]
    rng = np.random.default_rng(4)
    mask = rng.random(truth.shape[:2]) < MASK_KEPT
    noisy = (truth / 255 + rng.normal(0, MASK_SIGMA, truth.shape)).clip(0, 1) * mask[..., None]
    _write_png(folder / "masked.png", np.rint(255 * noisy).astype(np.uint8))
    _write_png(folder / "masked_truth.png", truth)
    _write_png(folder / "mask.png", mask)


def photographs(folder: Path) -> None:
    """Parts of photographs of scikit-image, grey, 128 × 128 pixels."""
    from skimage import data

    for name, (source, factor, row, column) in PHOTOGRAPHS.items():
        photo = getattr(data, source)().astype(float)
        grey = photo @ (0.299, 0.587, 0.114) if photo.ndim == 3 else photo
        rows, columns = (length // factor for length in grey.shape)
        small = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor).mean((1, 3))
        part = small[row : row + PIXELS, column : column + PIXELS]
        _write_png(folder / f"{name}.png", np.rint(part).astype(np.uint8))


def masks(folder: Path) -> None:
    """Half and a fifth of the pixels at random, all but those under thirty scratches; 28 × 28 pixels with a hole."""
    rng = np.random.default_rng(8)
    for share in (50, 20):
        _write_png(folder / f"random_{share}.png", rng.random((PIXELS, PIXELS)) < share / 100)
    kept = np.ones((PIXELS, PIXELS), bool)
    y, x = np.mgrid[:PIXELS, :PIXELS]
    for _ in range(30):
        start, angle, length = rng.uniform(0, PIXELS, 2), rng.uniform(0, pi), rng.uniform(30, 120)
        along = (x - start[0]) * np.cos(angle) + (y - start[1]) * np.sin(angle)
        across = (y - start[1]) * np.cos(angle) - (x - start[0]) * np.sin(angle)
        kept &= ~((abs(across) < 1.5) & (along > 0) & (along < length))
    _write_png(folder / "scratches.png", kept)
    digit = np.ones((28, 28), bool)
    digit[8:20, 8:20] = False
    _write_png(folder / "digit_hole.png", digit)


def bodies(path: Path) -> None:
    """Line integrals of seven cross-sections of ellipses and a head, 120 views of 128 bins of 2 mm, and white noise."""
    rng = np.random.default_rng(9)
    phantoms = [shepp_logan(radius=120.0, value=0.05), *(_body(rng) for _ in range(SEVERAL - 1))]
    degrees = np.arange(BODY_VIEWS) * (180 / BODY_VIEWS)
    scan = ParallelBeam(np.deg2rad(degrees), PIXELS, pitch=BODY_PITCH)
    clean = torch.stack([phantom.line_integrals(scan, samples=8) for phantom in phantoms]).numpy()
    images = [phantom.rasterise(Volume((PIXELS, PIXELS), BODY_PITCH)).clamp(min=0) for phantom in phantoms]
    arrays = {
        "data": (clean + rng.normal(0, BODY_SIGMA, clean.shape)).astype(np.float16),
        "angles": degrees,
        "truth": torch.stack(images).numpy().astype(np.float16),
    }
    _write_hdf5(path, arrays, {"angles": "deg", "truth": "1/mm", "sigma": BODY_SIGMA, "pitch_mm": BODY_PITCH})


def slices(path: Path) -> None:
    """Eight slices through heads, maps of eight coils, and lines of k-space for a fourth and an eighth of the time."""
    rng = np.random.default_rng(10)
    grid = Volume((PIXELS, PIXELS), MRI_FIELD_OF_VIEW / PIXELS)
    images = [(_slice(rng).rasterise(grid) * _shade(rng, grid)).numpy() for _ in range(SEVERAL)]
    arrays = {
        "images": _rounded(np.stack(images)),
        "coil_maps": _rounded(_coil_maps(grid, SLICE_COILS).numpy(), 10),
        **{
            f"mask_{pace}x": _lines(rng, PIXELS, PIXELS // pace, 96 // pace // 2).astype(np.uint8)[:, None]
            for pace in (4, 8)
        },
    }
    _write_hdf5(path, arrays, {"field_of_view_mm": MRI_FIELD_OF_VIEW})


def small_ct(path: Path) -> None:
    """Line integrals of a body of random ellipses, 12 views of 64 bins of 4 mm, plus white noise of σ = 0.02."""
    rng, pixel = np.random.default_rng(14), 2 * BODY_PITCH
    body, degrees = _body(rng), np.arange(SMALL_VIEWS) * (180 / SMALL_VIEWS)
    clean = body.line_integrals(ParallelBeam(np.deg2rad(degrees), SMALL_SLICE, pitch=pixel), samples=16).numpy()
    truth = body.rasterise(Volume((SMALL_SLICE, SMALL_SLICE), pixel)).clamp(min=0)
    arrays = {
        "data": (clean + rng.normal(0, SMALL_CT_SIGMA, clean.shape)).astype(np.float32),
        "angles": degrees,
        "truth": truth.numpy(),
    }
    _write_hdf5(path, arrays, {"angles": "deg", "truth": "1/mm", "sigma": SMALL_CT_SIGMA, "pitch_mm": pixel})


def small_mri(path: Path) -> None:
    """A slice through a head in four coils, a fourth of its lines, plus white noise of σ = 0.02."""
    rng, pixel = np.random.default_rng(15), MRI_FIELD_OF_VIEW / SMALL_SLICE
    grid = Volume((SMALL_SLICE, SMALL_SLICE), pixel)
    head, coils = _slice(rng), SinusoidalCoils.birdcage(grid, SMALL_COILS, waves=3)
    clean = head.kspace(grid, coils=coils).numpy()
    lines = _lines(rng, SMALL_SLICE, SMALL_SLICE // 4, 8)[:, None]
    parts = rng.normal(0, SMALL_MRI_SIGMA, (*clean.shape, 2))
    arrays = {
        "kspace": _rounded((clean + parts[..., 0] + 1j * parts[..., 1]) * lines),
        "mask": lines.astype(np.uint8),
        "coil_maps": _rounded(coils.maps(grid).numpy()),
        "truth": head.rasterise(grid).numpy().astype(np.complex64),
    }
    _write_hdf5(path, arrays, {"sigma": SMALL_MRI_SIGMA, "pixel_mm": pixel})


def small_photograph(folder: Path) -> None:
    """A part of the photograph "camera" at a quarter of its size, of which two pixels in five are left, plus noise."""
    from skimage import data

    part = data.camera()[70:198, 170:298].reshape(SMALL_PHOTO, 4, SMALL_PHOTO, 4)
    truth = np.rint(part.mean((1, 3))).astype(np.uint8)
    rng = np.random.default_rng(16)
    mask = rng.random(truth.shape) < MASK_KEPT
    noisy = (truth / 255 + rng.normal(0, SMALL_PHOTO_SIGMA, truth.shape)).clip(0, 1) * mask
    _write_png(folder / "small_masked.png", np.rint(255 * noisy).astype(np.uint8))
    _write_png(folder / "small_masked_truth.png", truth)
    _write_png(folder / "small_mask.png", mask)


def _body(rng: np.random.Generator) -> EllipsePhantom:
    """Soft tissue under a layer of fat, with organs, air and bone that do not overlap; lengths in mm."""
    water = 0.02
    a, b = rng.uniform(85, 112, 2)
    parts = [Ellipse(0.9 * water, a, b), Ellipse(0.1 * water, a - 8, b - 8)]
    taken: list[tuple[float, float, float]] = []
    kinds = [(-0.75, 20, 34), (-0.75, 12, 28), (1.0, 8, 14), (0.8, 4, 9)]
    kinds += [(0.15, 10, 26), (-0.1, 10, 26), (0.3, 3, 6)] * 3
    for contrast, least, most in kinds:
        for _ in range(200):
            radius, along, angle = rng.uniform(least, most), rng.uniform(0, 1) ** 0.5, rng.uniform(0, 2 * pi)
            x = along * (a - 12 - radius) * np.cos(angle)
            y = along * (b - 12 - radius) * np.sin(angle)
            if all(np.hypot(x - u, y - v) > radius + r + 2 for u, v, r in taken):
                taken.append((x, y, radius))
                parts.append(Ellipse(contrast * water, radius, radius * rng.uniform(0.5, 1), x, y, rng.uniform(0, pi)))
                break
    return EllipsePhantom(parts)


def _slice(rng: np.random.Generator) -> EllipsePhantom:
    """Scalp, skull, grey and white matter, ventricles, folds and small lesions of another head; lengths in mm."""
    a, b = rng.uniform(62, 78), rng.uniform(80, 98)
    layers = [
        Ellipse(0.9, a, b),
        Ellipse(-0.8, a - 5, b - 5),
        Ellipse(0.4, a - 9, b - 9),
        Ellipse(0.25, a - 20, b - 20),
    ]
    width, height, tilt = rng.uniform(5, 10), rng.uniform(14, 30), rng.uniform(0.1, 0.35)
    layers += [Ellipse(-0.6, width, height, side * (width + 4), -6, side * -tilt) for side in (-1, 1)]
    folds = [
        Ellipse(
            float(rng.choice([-0.2, 0.2])),
            rng.uniform(1.8, 2.6),
            rng.uniform(4, 8),
            (a - 16) * np.cos(t),
            (b - 16) * np.sin(t),
            t + pi / 2,
        )
        for t in np.arange(56) * pi / 28 + rng.uniform(-0.03, 0.03, 56)
    ]
    lesions = []
    for _ in range(10):
        radius, t, along = rng.uniform(1, 4), rng.uniform(0, 2 * pi), rng.uniform(0.3, 0.75)
        value = float(rng.choice([-0.15, 0.15, 0.25]))
        lesions.append(Ellipse(value, radius, radius, along * (a - 20) * np.cos(t), along * (b - 20) * np.sin(t)))
    return EllipsePhantom([*layers, *folds, *lesions])


def _shade(rng: np.random.Generator, volume: Volume) -> Tensor:
    """The smooth factor, complex, of receivers and of a field off resonance."""
    x, y = _coordinates(volume)
    c = [float(v) for v in rng.uniform(-1, 1, 8)]
    magnitude = 1 + 0.12 * (c[0] * x + c[1] * y + c[2] * (x.square() - y.square()))
    return magnitude * torch.exp(1j * (c[3] + 0.9 * c[4] * x + 0.9 * c[5] * y + 0.8 * c[6] * x * y + c[7] * y.square()))


def _head() -> EllipsePhantom:
    """Scalp, skull, grey and white matter, ventricles, and folds of the cortex; lengths in mm."""
    layers = [
        Ellipse(0.90, 76, 96),
        Ellipse(-0.80, 71, 91),
        Ellipse(0.40, 67, 87),
        Ellipse(0.25, 55, 75),
        Ellipse(-0.60, 9, 27, -13, -6, 0.25),
        Ellipse(-0.60, 9, 27, 13, -6, -0.25),
        Ellipse(-0.25, 7, 13, -30, 8, 0.2),
        Ellipse(-0.25, 7, 13, 30, 8, -0.2),
        Ellipse(0.25, 5, 4, 26, -44),
        Ellipse(-0.15, 3, 3, -24, -42),
    ]
    rng = np.random.default_rng(0)
    folds = [
        Ellipse(
            float(rng.choice([-0.2, 0.2])), 2.2, float(rng.uniform(4, 8)), 60 * np.cos(t), 80 * np.sin(t), t + pi / 2
        )
        for t in np.arange(64) * pi / 32 + rng.uniform(-0.03, 0.03, 64)
    ]
    dots = [
        Ellipse(0.2, radius, radius, x, 52) for x, radius in ((-16, 2.4), (-8, 1.8), (-1, 1.4), (5, 1.0), (10, 0.7))
    ]
    return EllipsePhantom([*layers, *folds, *dots])


def _coordinates(volume: Volume) -> tuple[Tensor, Tensor]:
    """x and y as fractions of half the field of view."""
    half = MRI_FIELD_OF_VIEW / 2
    return volume.centres(1)[None, :] / half, volume.centres(0)[:, None] / half


def _phase(volume: Volume) -> Tensor:
    """The smooth phase of an image off resonance."""
    x, y = _coordinates(volume)
    return torch.exp(1j * (0.4 + 0.9 * x - 0.6 * y + 0.8 * x * y - 0.5 * y.square()))


def _coil_maps(volume: Volume, coils: int = MRI_COILS) -> Tensor:
    """Fields 1/(z − z_c) of straight wires on a circle outside the object, as of a birdcage, with Σ|S|² = 1."""
    x, y = _coordinates(volume)
    z = x + 1j * y
    wires = 1.3 * np.exp(2j * pi * (np.arange(coils) + 0.3) / coils)
    fields = torch.stack([1 / (z - complex(wire)) for wire in wires])
    return fields / fields.abs().square().sum(0).sqrt()


def _lines(rng: np.random.Generator, of: int, lines: int, centre_lines: int) -> Array:
    """Which of so many lines are taken: all at the centre, others with a density that falls outwards."""
    distance = np.abs(np.arange(of) - of // 2) / (of / 2)
    centre = np.abs(np.arange(of) - of // 2 + 0.5) < centre_lines / 2
    density = np.where(centre, 0, (1.05 - distance) ** 2)
    chosen = rng.choice(of, lines - centre_lines, replace=False, p=density / density.sum())
    centre[chosen] = True
    return centre


def _rounded(values: Array, bits: int = 12) -> Array:
    """Complex numbers to so many bits, which compress to a third; the error of 2⁻¹³ is far below the noise."""
    unit = 2**bits
    return (np.rint(values.real * unit) / unit + 1j * np.rint(values.imag * unit) / unit).astype(np.complex64)


def _write_hdf5(path: Path, arrays: dict[str, Array], attributes: dict[str, object]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip", compression_opts=9, shuffle=True)
        file.attrs.update(attributes)


def _write_png(path: Path, values: Array) -> None:
    Image.fromarray(values).save(path, optimize=True)


def main(folder: Path) -> None:
    """Write every sample into subfolders of ``folder``."""
    for name in ("ct", "masks", "mri", "pet", "photo", "photos"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    few_view_ct(folder / "ct" / "few_view.h5")
    fan_beam_ct(folder / "ct" / "fan_beam.h5")
    cone_beam_ct(folder / "ct" / "cone_beam.h5")
    cartesian_mri(folder / "mri" / "cartesian.h5")
    multi_echo_mri(folder / "mri" / "multi_echo.h5")
    dynamic_mri(folder / "mri" / "dynamic.h5")
    radial_mri(folder / "mri" / "radial.h5")
    pet_transmission(folder / "pet" / "transmission.h5")
    blurred_photograph(folder / "photo")
    masked_photograph(folder / "photo")
    photographs(folder / "photos")
    masks(folder / "masks")
    bodies(folder / "ct" / "bodies.h5")
    small_ct(folder / "ct" / "small.h5")
    small_mri(folder / "mri" / "small.h5")
    small_photograph(folder / "photo")
    slices(folder / "mri" / "slices.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
