"""What images look like. The list of this room's members."""

if __name__ == "priors":
    raise ImportError("the folder 'priors' is the package 'recon.priors': write `from recon.priors import ...`.")

from recon.priors.handcrafted.adaptive_tv import AdaptiveTV
from recon.priors.handcrafted.box import Box, NonNegative
from recon.priors.handcrafted.directional_tv import DirectionalTV
from recon.priors.handcrafted.dyadic_denoiser import DyadicDenoiser
from recon.priors.handcrafted.dyadic_partition import DyadicPartition
from recon.priors.handcrafted.entropy import Entropy
from recon.priors.handcrafted.fused_lasso import FusedLasso
from recon.priors.handcrafted.graph_laplacian_prior import GraphLaplacianPrior
from recon.priors.handcrafted.huber_tv import HuberTV
from recon.priors.handcrafted.ictv import ICTV
from recon.priors.handcrafted.line_tv import LineTV
from recon.priors.handcrafted.locally_low_rank import LocallyLowRank
from recon.priors.handcrafted.low_rank import LowRank
from recon.priors.handcrafted.low_rank_plus_sparse import LowRankPlusSparse
from recon.priors.handcrafted.magnitude import Magnitude
from recon.priors.handcrafted.nuclear_tv import NuclearTV
from recon.priors.handcrafted.proximal_denoiser import ProximalDenoiser
from recon.priors.handcrafted.simplex import Simplex
from recon.priors.handcrafted.sparsity import Sparsity
from recon.priors.handcrafted.structured_low_rank import StructuredLowRank
from recon.priors.handcrafted.support import Support
from recon.priors.handcrafted.tgv import TGV
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.priors.handcrafted.tubal_low_rank import TubalLowRank
from recon.priors.handcrafted.vectorial_tv import VectorialTV
from recon.priors.handcrafted.wavelet_sparsity import WaveletSparsity
from recon.priors.handcrafted.wavelet_tree import WaveletTree
from recon.priors.learned.deepinv_diffusion import DeepinvDiffusion
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.denoiser_prior import DenoiserPrior
from recon.priors.learned.diffusers_diffusion import DiffusersDiffusion
from recon.priors.learned.diffusers_latent import DiffusersLatent, diffusion_from_diffusers
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.diffusion_file import save_diffusion
from recon.priors.learned.diffusion_unet import DiffusionUNet
from recon.priors.learned.dncnn import DnCNN
from recon.priors.learned.edm_diffusion import EDMDiffusion
from recon.priors.learned.flow_matching import FlowMatching
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.gaussian_mixture import GaussianMixturePrior
from recon.priors.learned.latent_prior import LatentPrior
from recon.priors.learned.network_diffusion import NetworkDiffusion
from recon.priors.learned.pretrained_diffusion import PretrainedDiffusion
from recon.priors.learned.simple_cnn import SimpleCNN
from recon.priors.learned.structured_noise import StructuredNoise
from recon.priors.learned.tiled_prior import TiledPrior
from recon.priors.learned.ve_diffusion import VEDiffusion
from recon.priors.learned.vp_diffusion import VPDiffusion
from recon.priors.learned.weights import with_weights
from recon.priors.prior import Prior, Term, VariationalPrior
from recon.priors.sum import SumPrior

__all__ = [
    "ICTV",
    "TGV",
    "AdaptiveTV",
    "Box",
    "DeepinvDiffusion",
    "Denoiser",
    "DenoiserPrior",
    "DiffusersDiffusion",
    "DiffusersLatent",
    "DiffusionPrior",
    "DiffusionUNet",
    "DirectionalTV",
    "DnCNN",
    "DyadicDenoiser",
    "DyadicPartition",
    "EDMDiffusion",
    "Entropy",
    "FlowMatching",
    "FusedLasso",
    "GaussianMixturePrior",
    "GaussianPrior",
    "GraphLaplacianPrior",
    "HuberTV",
    "LatentPrior",
    "LineTV",
    "LocallyLowRank",
    "LowRank",
    "LowRankPlusSparse",
    "Magnitude",
    "NetworkDiffusion",
    "NonNegative",
    "NuclearTV",
    "PretrainedDiffusion",
    "Prior",
    "ProximalDenoiser",
    "SimpleCNN",
    "Simplex",
    "Sparsity",
    "StructuredLowRank",
    "StructuredNoise",
    "SumPrior",
    "Support",
    "Term",
    "Tikhonov",
    "TiledPrior",
    "TotalVariation",
    "TubalLowRank",
    "VEDiffusion",
    "VPDiffusion",
    "VariationalPrior",
    "VectorialTV",
    "WaveletSparsity",
    "WaveletTree",
    "diffusion_from_diffusers",
    "save_diffusion",
    "with_weights",
]
