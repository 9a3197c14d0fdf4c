"""Functionals that data terms and priors are made of."""

from recon.operators.functionals.box import BoxIndicator
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.group_l1 import GroupL1
from recon.operators.functionals.l1 import L1
from recon.operators.functionals.poisson_kl import PoissonKL
from recon.operators.functionals.scaled import ScaledFunctional
from recon.operators.functionals.squared_l2 import SquaredL2
from recon.operators.functionals.transmission_poisson import TransmissionPoisson

__all__ = [
    "L1",
    "BoxIndicator",
    "Functional",
    "GroupL1",
    "PoissonKL",
    "ScaledFunctional",
    "SquaredL2",
    "TransmissionPoisson",
]
