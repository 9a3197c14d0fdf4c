"""Forward operators, their algebra, functionals and noise models. The list of this room's members."""

if __name__ == "operators":
    raise ImportError(
        "the folder 'operators' is the package 'recon.operators': write `from recon.operators import`."
    )

from recon.operators.algebra import Adjoint, Composition, Derivative, Diagonal, Identity, Scaled, Stack, Sum
from recon.operators.functionals import (
    L1,
    BoxIndicator,
    Functional,
    GroupL1,
    PoissonKL,
    ScaledFunctional,
    SquaredL2,
)
from recon.operators.gradient import Gradient
from recon.operators.linear import SVD, CapabilityError, LinearOperator
from recon.operators.noise import GaussianNoise, NoiseModel, PoissonNoise
from recon.operators.operator import Operator

__all__ = [
    "L1",
    "SVD",
    "Adjoint",
    "BoxIndicator",
    "CapabilityError",
    "Composition",
    "Derivative",
    "Diagonal",
    "Functional",
    "GaussianNoise",
    "Gradient",
    "GroupL1",
    "Identity",
    "LinearOperator",
    "NoiseModel",
    "Operator",
    "PoissonKL",
    "PoissonNoise",
    "Scaled",
    "ScaledFunctional",
    "SquaredL2",
    "Stack",
    "Sum",
]
