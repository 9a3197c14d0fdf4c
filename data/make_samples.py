"""Makes the sample data of this folder: ``python data/make_samples.py [FOLDER]``.

Every sample is simulated from an object known exactly, or from a photograph, with a fixed seed. None of them is made
with the operator that later reconstructs it on the same grid: line integrals come from a formula, k-space from a grid
four times as fine, and the blurred photograph has lost the border that a blur cannot know.
"""

from __future__ import annotations

import sys
from math import pi
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from recon.operators import Blur, ConeBeam, FanBeam, ParallelBeam, Volume, centred_fft, motion_psf
from recon.phantoms import Ellipse, EllipsePhantom, shepp_logan, shepp_logan_3d

Array = np.ndarray

CT_VIEWS, CT_PIXELS, CT_SIGMA = 40, 256, 0.02
FAN_VIEWS, FAN_BINS, FAN_SIGMA = 60, 192, 0.02
CONE_VIEWS, CONE_ROWS, CONE_BINS, CONE_SIGMA = 36, 48, 64, 0.02
PET_VIEWS, PET_BINS, PET_PITCH, PET_BLANK = 192, 160, 3.375, 40.0
MRI_PIXELS, MRI_COILS, MRI_FIELD_OF_VIEW, MRI_SIGMA = 160, 6, 220.0, 0.01
MRI_CENTRE_LINES, MRI_LINES, MRI_FINER = 24, 53, 4
BLUR_SIGMA, MASK_SIGMA, MASK_KEPT = 0.01, 0.01, 0.4


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
    lines = _lines(rng)
    parts = rng.normal(0, MRI_SIGMA, (*clean.shape, 2))
    arrays = {
        "kspace": ((clean.numpy() + parts[..., 0] + 1j * parts[..., 1]) * lines[:, None]).astype(np.complex64),
        "mask": np.broadcast_to(lines[:, None], (n, n)).astype(np.uint8),
        "coil_maps": _rounded(_coil_maps(grid).numpy()),
        "truth": (head.rasterise(grid) * _phase(grid)).numpy().astype(np.complex64),
    }
    _write_hdf5(path, arrays, {"sigma": MRI_SIGMA, "field_of_view_mm": MRI_FIELD_OF_VIEW})


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


def _coil_maps(volume: Volume) -> Tensor:
    """Fields 1/(z − z_c) of straight wires on a circle outside the object, as of a birdcage, with Σ|S|² = 1."""
    x, y = _coordinates(volume)
    z = x + 1j * y
    wires = 1.3 * np.exp(2j * pi * (np.arange(MRI_COILS) + 0.3) / MRI_COILS)
    fields = torch.stack([1 / (z - complex(wire)) for wire in wires])
    return fields / fields.abs().square().sum(0).sqrt()


def _lines(rng: np.random.Generator) -> Array:
    """Which lines are taken: all at the centre, others with a density that falls outwards."""
    distance = np.abs(np.arange(MRI_PIXELS) - MRI_PIXELS // 2) / (MRI_PIXELS / 2)
    centre = np.abs(np.arange(MRI_PIXELS) - MRI_PIXELS // 2 + 0.5) < MRI_CENTRE_LINES / 2
    density = np.where(centre, 0, (1.05 - distance) ** 2)
    chosen = rng.choice(MRI_PIXELS, MRI_LINES - MRI_CENTRE_LINES, replace=False, p=density / density.sum())
    centre[chosen] = True
    return centre


def _rounded(maps: Array) -> Array:
    """Maps to 12 bits, which compress to a third; the error of 2⁻¹³ is far below the noise."""
    return (np.rint(maps.real * 4096) / 4096 + 1j * np.rint(maps.imag * 4096) / 4096).astype(np.complex64)


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
    for name in ("ct", "mri", "pet", "photo"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    few_view_ct(folder / "ct" / "few_view.h5")
    fan_beam_ct(folder / "ct" / "fan_beam.h5")
    cone_beam_ct(folder / "ct" / "cone_beam.h5")
    cartesian_mri(folder / "mri" / "cartesian.h5")
    pet_transmission(folder / "pet" / "transmission.h5")
    blurred_photograph(folder / "photo")
    masked_photograph(folder / "photo")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
