"""How far an image is from the truth."""

from recon.metrics.coverage import coverage, spread
from recon.metrics.fastmri import FastMRIScores, centre_crop, fastmri_scores
from recon.metrics.haarpsi import haarpsi
from recon.metrics.lpips import lpips, lpips_weights
from recon.metrics.nmse import nmse
from recon.metrics.psnr import psnr
from recon.metrics.ssim import ssim

__all__ = [
    "FastMRIScores",
    "centre_crop",
    "coverage",
    "fastmri_scores",
    "haarpsi",
    "lpips",
    "lpips_weights",
    "nmse",
    "psnr",
    "spread",
    "ssim",
]
