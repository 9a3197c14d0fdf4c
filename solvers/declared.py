"""What the operators of a problem declare, as :func:`recon.solvers.choose` asks for it."""

from __future__ import annotations

from recon.operators.linear import LinearOperator
from recon.solvers.problem import Problem


def well_posed(A: LinearOperator) -> bool:
    """Whether the singular values are known, and those that count differ by no more than a factor of 100."""
    if "svd" not in A.capabilities:
        return False
    s = A.svd().s
    positive = s[s > 1e-10 * s.max()]
    return bool(positive.numel()) and float(positive.min()) * 100 >= float(positive.max())


def near_convolutions(problem: Problem, A: LinearOperator) -> bool:
    """Whether A and all operators of the prior's terms declare a convolution near their Gram operators."""
    operators = [A, *(term.operator for term in problem.terms if term.operator is not None)]
    return all(operator.gram_spectrum() is not None for operator in operators)
