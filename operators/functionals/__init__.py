"""Functionals that data terms and priors are made of."""

from recon.operators.functionals.box import BoxIndicator
from recon.operators.functionals.correntropy import Correntropy
from recon.operators.functionals.dyadic_pieces import DyadicPieces
from recon.operators.functionals.entropy import Entropy
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.fused_lasso import FusedLassoFunctional
from recon.operators.functionals.group_l1 import GroupL1
from recon.operators.functionals.group_nuclear import GroupNuclear
from recon.operators.functionals.huber import Huber
from recon.operators.functionals.huber_group import HuberGroup
from recon.operators.functionals.k_sparse import KSparse
from recon.operators.functionals.l0 import L0
from recon.operators.functionals.l1 import L1
from recon.operators.functionals.l2_ball import L2Ball
from recon.operators.functionals.mcp import MCP
from recon.operators.functionals.metric_l2 import MetricL2
from recon.operators.functionals.misfit import Misfit
from recon.operators.functionals.nonnegative import Nonnegative
from recon.operators.functionals.nuclear_norm import NuclearNorm
from recon.operators.functionals.poisson_kl import PoissonKL
from recon.operators.functionals.scad import SCAD
from recon.operators.functionals.scaled import ScaledFunctional
from recon.operators.functionals.simplex import SimplexIndicator
from recon.operators.functionals.split_sum import SplitSum
from recon.operators.functionals.squared_l2 import SquaredL2
from recon.operators.functionals.student_t import StudentT
from recon.operators.functionals.support import SupportIndicator
from recon.operators.functionals.total_variation_1d import TotalVariation1D
from recon.operators.functionals.transmission_poisson import TransmissionPoisson
from recon.operators.functionals.tree_norm import TreeNorm
from recon.operators.functionals.tubal_nuclear_norm import TubalNuclearNorm

__all__ = [
    "L0",
    "L1",
    "MCP",
    "SCAD",
    "BoxIndicator",
    "Correntropy",
    "DyadicPieces",
    "Entropy",
    "Functional",
    "FusedLassoFunctional",
    "GroupL1",
    "GroupNuclear",
    "Huber",
    "HuberGroup",
    "KSparse",
    "L2Ball",
    "MetricL2",
    "Misfit",
    "Nonnegative",
    "NuclearNorm",
    "PoissonKL",
    "ScaledFunctional",
    "SimplexIndicator",
    "SplitSum",
    "SquaredL2",
    "StudentT",
    "SupportIndicator",
    "TotalVariation1D",
    "TransmissionPoisson",
    "TreeNorm",
    "TubalNuclearNorm",
]
