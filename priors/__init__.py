"""What images look like. The list of this room's members."""

if __name__ == "priors":
    raise ImportError("the folder 'priors' is the package 'recon.priors': write `from recon.priors import ...`.")

from recon.priors.handcrafted.box import Box, NonNegative
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.priors.handcrafted.wavelet_sparsity import WaveletSparsity
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.denoiser_prior import DenoiserPrior
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.dncnn import DnCNN
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.gaussian_mixture import GaussianMixturePrior
from recon.priors.learned.vp_diffusion import VPDiffusion
from recon.priors.learned.weights import with_weights
from recon.priors.prior import Prior, Term, VariationalPrior
from recon.priors.sum import SumPrior

__all__ = [
    "Box",
    "Denoiser",
    "DenoiserPrior",
    "DiffusionPrior",
    "DnCNN",
    "GaussianMixturePrior",
    "GaussianPrior",
    "NonNegative",
    "Prior",
    "SumPrior",
    "Term",
    "Tikhonov",
    "TotalVariation",
    "VPDiffusion",
    "VariationalPrior",
    "WaveletSparsity",
    "with_weights",
]
