"""Forward operators, their algebra, functionals and noise models. The list of this room's members."""

if __name__ == "operators":
    raise ImportError(
        "the folder 'operators' is the package 'recon.operators': write `from recon.operators import ...`."
    )

from recon.operators.algebra import Adjoint, Composition, Scaled, Sum
from recon.operators.anisotropic_gradient import AnisotropicGradient
from recon.operators.beer_lambert_noise import BeerLambertNoise
from recon.operators.bessel_potential import BesselPotential
from recon.operators.block_extract import BlockExtract
from recon.operators.blur import Blur
from recon.operators.bridges import (
    deepinv_denoiser,
    from_astra,
    from_deepinv,
    from_odl,
    from_odl_geometry,
    to_astra,
    to_deepinv,
    to_odl,
    to_odl_geometry,
)
from recon.operators.circulant import Circulant
from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.fbp import FilteredBackprojection
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.out_of_core import OutOfCore
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.vector_beam import VectorBeam
from recon.operators.ct.volume import Volume
from recon.operators.data_term import DataTerm
from recon.operators.data_terms.correntropy import CorrentropyFidelity
from recon.operators.data_terms.huber import HuberFidelity
from recon.operators.data_terms.l1 import L1Fidelity
from recon.operators.data_terms.l2_ball import L2BallFidelity
from recon.operators.data_terms.sobolev import SobolevFidelity
from recon.operators.data_terms.student_t import StudentTFidelity
from recon.operators.derivative import Derivative
from recon.operators.diagonal import Diagonal
from recon.operators.downsample import Downsample
from recon.operators.fourier import Fourier
from recon.operators.functionals import (
    L0,
    L1,
    MCP,
    SCAD,
    BoxIndicator,
    Correntropy,
    DyadicPieces,
    Entropy,
    Functional,
    FusedLassoFunctional,
    GroupL1,
    GroupNuclear,
    Huber,
    HuberGroup,
    KSparse,
    L2Ball,
    MetricL2,
    Nonnegative,
    NuclearNorm,
    PoissonKL,
    ScaledFunctional,
    SimplexIndicator,
    SplitSum,
    SquaredL2,
    StudentT,
    SupportIndicator,
    TotalVariation1D,
    TransmissionPoisson,
    TreeNorm,
    TubalNuclearNorm,
)
from recon.operators.gaussian_blur import GaussianBlur
from recon.operators.gradient import Gradient
from recon.operators.graph_laplacian import GraphLaplacian
from recon.operators.hartley import Hartley
from recon.operators.hessian import Hessian
from recon.operators.identity import Identity
from recon.operators.laplace_noise import LaplaceNoise
from recon.operators.linear import SVD, CapabilityError, LinearOperator
from recon.operators.mask import Mask
from recon.operators.mri.calibration import calibration_region, sampling_mask
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.espirit import estimate_coil_maps
from recon.operators.mri.fourier import centred_fft, centred_ifft
from recon.operators.noise import GaussianNoise, NoiseModel, PoissonNoise
from recon.operators.operator import Operator
from recon.operators.psf import box_psf, disk_psf, gaussian_psf, motion_psf
from recon.operators.sart_weights import SARTWeights, sart_bound, sart_weights
from recon.operators.stack import Stack
from recon.operators.student_t_noise import StudentTNoise
from recon.operators.symmetrised_gradient import SymmetrisedGradient
from recon.operators.tubal_gram import TubalGram, tubal_product, tubal_transpose
from recon.operators.undecimated_wavelet import UndecimatedWavelet
from recon.operators.wavelet import Wavelet

__all__ = [
    "L0",
    "L1",
    "MCP",
    "SCAD",
    "SVD",
    "Adjoint",
    "AnisotropicGradient",
    "BeerLambertNoise",
    "BesselPotential",
    "BlockExtract",
    "Blur",
    "BoxIndicator",
    "CapabilityError",
    "CartesianMRI",
    "Circulant",
    "Composition",
    "ConeBeam",
    "Correntropy",
    "CorrentropyFidelity",
    "DataTerm",
    "Derivative",
    "Diagonal",
    "Downsample",
    "DyadicPieces",
    "Entropy",
    "FanBeam",
    "FilteredBackprojection",
    "Fourier",
    "Functional",
    "FusedLassoFunctional",
    "GaussianBlur",
    "GaussianNoise",
    "Geometry",
    "Gradient",
    "GraphLaplacian",
    "GroupL1",
    "GroupNuclear",
    "Hartley",
    "Hessian",
    "Huber",
    "HuberFidelity",
    "HuberGroup",
    "Identity",
    "KSparse",
    "L1Fidelity",
    "L2Ball",
    "L2BallFidelity",
    "LaplaceNoise",
    "LinearOperator",
    "Mask",
    "MetricL2",
    "NoiseModel",
    "Nonnegative",
    "NuclearNorm",
    "Operator",
    "OutOfCore",
    "ParallelBeam",
    "ParallelBeam3D",
    "PoissonKL",
    "PoissonNoise",
    "RayTransform",
    "SARTWeights",
    "Scaled",
    "ScaledFunctional",
    "SimplexIndicator",
    "SobolevFidelity",
    "SplitSum",
    "SquaredL2",
    "Stack",
    "StudentT",
    "StudentTFidelity",
    "StudentTNoise",
    "Sum",
    "SupportIndicator",
    "SymmetrisedGradient",
    "TotalVariation1D",
    "TransmissionPoisson",
    "TreeNorm",
    "TubalGram",
    "TubalNuclearNorm",
    "UndecimatedWavelet",
    "VectorBeam",
    "Volume",
    "Wavelet",
    "box_psf",
    "calibration_region",
    "centred_fft",
    "centred_ifft",
    "deepinv_denoiser",
    "disk_psf",
    "estimate_coil_maps",
    "from_astra",
    "from_deepinv",
    "from_odl",
    "from_odl_geometry",
    "gaussian_psf",
    "motion_psf",
    "sampling_mask",
    "sart_bound",
    "sart_weights",
    "to_astra",
    "to_deepinv",
    "to_odl",
    "to_odl_geometry",
    "tubal_product",
    "tubal_transpose",
]
