"""How far an image is from the truth, one number per item."""

from recon.metrics.nmse import nmse
from recon.metrics.psnr import psnr
from recon.metrics.ssim import ssim

__all__ = ["nmse", "psnr", "ssim"]
