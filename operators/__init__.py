"""Forward operators, their algebra, functionals and noise models. The list of this room's members."""

if __name__ == "operators":
    raise ImportError(
        "the folder 'operators' is the package 'recon.operators': write `from recon.operators import ...`."
    )

from recon.operators.algebra import Adjoint, Composition, Scaled, Sum
from recon.operators.anisotropic_gradient import AnisotropicGradient
from recon.operators.beer_lambert_noise import BeerLambertNoise
from recon.operators.bessel_potential import BesselPotential
from recon.operators.black_box import BlackBox
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
from recon.operators.correlated_noise import CorrelatedNoise
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
from recon.operators.data_terms.density_weighted import DensityWeightedFidelity
from recon.operators.data_terms.huber import HuberFidelity
from recon.operators.data_terms.l1 import L1Fidelity
from recon.operators.data_terms.l2_ball import L2BallFidelity
from recon.operators.data_terms.sobolev import SobolevFidelity
from recon.operators.data_terms.student_t import StudentTFidelity
from recon.operators.dense import Dense
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
from recon.operators.mri.birdcage import birdcage_maps
from recon.operators.mri.calibration import calibration_region, sampling_mask
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.coil_compression import coil_compression, geometric_coil_compression
from recon.operators.mri.density import density_compensation
from recon.operators.mri.espirit import estimate_coil_maps
from recon.operators.mri.fourier import centred_fft, centred_ifft
from recon.operators.mri.joint_sense import JointSENSE
from recon.operators.mri.low_resolution import low_resolution_coil_maps
from recon.operators.mri.masks.caipi import CAIPI
from recon.operators.mri.masks.fastmri_equispaced import FastMRIEquispaced
from recon.operators.mri.masks.fastmri_random import FastMRIRandom
from recon.operators.mri.masks.poisson_disc import PoissonDisc
from recon.operators.mri.masks.radial_sampling import RadialSampling
from recon.operators.mri.masks.random_sampling import RandomSampling
from recon.operators.mri.masks.sampling_pattern import SamplingPattern
from recon.operators.mri.masks.spiral_sampling import SpiralSampling
from recon.operators.mri.masks.uniform_sampling import UniformSampling
from recon.operators.mri.noncartesian import NonCartesianMRI
from recon.operators.mri.nufft import NUFFT
from recon.operators.mri.off_resonance import OffResonanceMRI
from recon.operators.mri.quantitative import QuantitativeMRI
from recon.operators.mri.signals.dictionary import Dictionary
from recon.operators.mri.signals.fit_voxels import fit_voxels
from recon.operators.mri.signals.inversion_recovery import InversionRecovery
from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.saturation_recovery import SaturationRecovery
from recon.operators.mri.signals.signal_model import SignalModel
from recon.operators.mri.signals.t2 import T2Decay
from recon.operators.mri.signals.t2_star import T2StarDecay
from recon.operators.mri.signals.water_fat import WaterFat
from recon.operators.mri.soft_sense import SoftSENSE
from recon.operators.mri.subspace import SubspaceMRI
from recon.operators.mri.toeplitz import ToeplitzGram
from recon.operators.mri.trajectories.golden_angle import GoldenAngleTrajectory
from recon.operators.mri.trajectories.radial import RadialTrajectory
from recon.operators.mri.trajectories.spiral import SpiralTrajectory
from recon.operators.mri.trajectories.stack_of_stars import StackOfStarsTrajectory
from recon.operators.mri.trajectory import Trajectory
from recon.operators.mri.walsh import walsh_coil_maps
from recon.operators.mri.whitening import noise_covariance, whitening_matrix
from recon.operators.noise import GaussianNoise, NoiseModel, PoissonNoise
from recon.operators.operator import Operator
from recon.operators.psf import box_psf, disk_psf, gaussian_psf, motion_psf
from recon.operators.random_sensing import RandomSensing
from recon.operators.sart_weights import SARTWeights, sart_bound, sart_weights
from recon.operators.signal_plus_noise import SignalPlusNoise
from recon.operators.stack import Stack
from recon.operators.student_t_noise import StudentTNoise
from recon.operators.symmetrised_gradient import SymmetrisedGradient
from recon.operators.tubal_gram import TubalGram, tubal_product, tubal_transpose
from recon.operators.undecimated_wavelet import UndecimatedWavelet
from recon.operators.wavelet import Wavelet

__all__ = [
    "CAIPI",
    "L0",
    "L1",
    "MCP",
    "NUFFT",
    "SCAD",
    "SVD",
    "Adjoint",
    "AnisotropicGradient",
    "BeerLambertNoise",
    "BesselPotential",
    "BlackBox",
    "BlockExtract",
    "Blur",
    "BoxIndicator",
    "CapabilityError",
    "CartesianMRI",
    "Circulant",
    "Composition",
    "ConeBeam",
    "CorrelatedNoise",
    "Correntropy",
    "CorrentropyFidelity",
    "DataTerm",
    "Dense",
    "DensityWeightedFidelity",
    "Derivative",
    "Diagonal",
    "Dictionary",
    "Downsample",
    "DyadicPieces",
    "Entropy",
    "FanBeam",
    "FastMRIEquispaced",
    "FastMRIRandom",
    "FilteredBackprojection",
    "Fourier",
    "Functional",
    "FusedLassoFunctional",
    "GaussianBlur",
    "GaussianNoise",
    "Geometry",
    "GoldenAngleTrajectory",
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
    "InversionRecovery",
    "JointSENSE",
    "KSparse",
    "L1Fidelity",
    "L2Ball",
    "L2BallFidelity",
    "LaplaceNoise",
    "LinearOperator",
    "Mask",
    "MetricL2",
    "NoiseModel",
    "NonCartesianMRI",
    "Nonnegative",
    "NuclearNorm",
    "OffResonanceMRI",
    "Operator",
    "OutOfCore",
    "ParallelBeam",
    "ParallelBeam3D",
    "Parameter",
    "PoissonDisc",
    "PoissonKL",
    "PoissonNoise",
    "QuantitativeMRI",
    "RadialSampling",
    "RadialTrajectory",
    "RandomSampling",
    "RandomSensing",
    "RayTransform",
    "SARTWeights",
    "SamplingPattern",
    "SaturationRecovery",
    "Scaled",
    "ScaledFunctional",
    "SignalModel",
    "SignalPlusNoise",
    "SimplexIndicator",
    "SobolevFidelity",
    "SoftSENSE",
    "SpiralSampling",
    "SpiralTrajectory",
    "SplitSum",
    "SquaredL2",
    "Stack",
    "StackOfStarsTrajectory",
    "StudentT",
    "StudentTFidelity",
    "StudentTNoise",
    "SubspaceMRI",
    "Sum",
    "SupportIndicator",
    "SymmetrisedGradient",
    "T2Decay",
    "T2StarDecay",
    "ToeplitzGram",
    "TotalVariation1D",
    "Trajectory",
    "TransmissionPoisson",
    "TreeNorm",
    "TubalGram",
    "TubalNuclearNorm",
    "UndecimatedWavelet",
    "UniformSampling",
    "VectorBeam",
    "Volume",
    "WaterFat",
    "Wavelet",
    "birdcage_maps",
    "box_psf",
    "calibration_region",
    "centred_fft",
    "centred_ifft",
    "coil_compression",
    "deepinv_denoiser",
    "density_compensation",
    "disk_psf",
    "estimate_coil_maps",
    "fit_voxels",
    "from_astra",
    "from_deepinv",
    "from_odl",
    "from_odl_geometry",
    "gaussian_psf",
    "geometric_coil_compression",
    "low_resolution_coil_maps",
    "motion_psf",
    "noise_covariance",
    "sampling_mask",
    "sart_bound",
    "sart_weights",
    "to_astra",
    "to_deepinv",
    "to_odl",
    "to_odl_geometry",
    "tubal_product",
    "tubal_transpose",
    "walsh_coil_maps",
    "whitening_matrix",
]
