"""The law suite of operators."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator
from recon.testing.capability_laws import CAPABILITY_LAWS
from recon.testing.derivative_laws import GRADIENT_LAWS, NONLINEAR_LAWS
from recon.testing.linear_laws import LINEAR_LAWS
from recon.testing.operator_laws import OPERATOR_LAWS
from recon.testing.purity_laws import PURITY_LAWS
from recon.testing.report import Law, Report, run_laws
from recon.testing.samples import OperatorCase

LINEAR_SUITE: tuple[Law, ...] = (*LINEAR_LAWS, *OPERATOR_LAWS, *PURITY_LAWS, *GRADIENT_LAWS, *CAPABILITY_LAWS)
NONLINEAR_SUITE: tuple[Law, ...] = (*NONLINEAR_LAWS, *OPERATOR_LAWS, *PURITY_LAWS, *GRADIENT_LAWS)


def check_operator(
    op: Operator,
    *,
    at: Tensor | None = None,
    device: torch.device | str = "cpu",
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Check every law that an operator obeys, on small random inputs drawn from fixed generators.

    Linear operators: linearity; |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| ≤ ε‖A‖‖x‖‖y‖ with ε = 1e-6 in single and 1e-13 in double
    precision, on centred and on positive data, real and complex as the operator's fields allow; the norm against a
    dense SVD (up to 640 unknowns); first and second gradients, forward mode and vmap; declared capabilities against
    the equations that define them. Nonlinear operators: jvp and vjp against finite differences and each other. All:
    batches, precision, device, memory layout, no mutation or aliasing, repeatability, pickling, clear refusals and
    visible NaN.

    Parameters
    ----------
    op
        The operator; a few dozen to a few hundred unknowns are enough and quick.
    at
        One item of the domain for operators that are not defined everywhere: inputs then scatter by 10 % around it.
    device
        Where inputs live. The CPU is compared with CUDA in any case, where there is CUDA.
    only, skip
        Names of laws to run, all by default, and of laws to leave out.
    collect
        Return the report with broken laws in it rather than raise.

    Errors: AssertionError with one sentence per broken law, unless ``collect``; TypeError for anything but an operator.
    """
    if not isinstance(op, Operator):
        raise TypeError(f"check_operator expects an operator of recon.operators, got {type(op).__name__}.")
    suite = LINEAR_SUITE if isinstance(op, LinearOperator) else NONLINEAR_SUITE
    case = OperatorCase(op, torch.device(device), at)
    return run_laws(repr(op), suite, case, only=only, skip=skip, collect=collect)
