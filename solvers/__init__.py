"""The loops. The list of this room's members."""

if __name__ == "solvers":
    raise ImportError("the folder 'solvers' is the package 'recon.solvers': write `from recon.solvers import ...`.")

from recon.solvers.iterate import iterate, unroll
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.solver import Solver
from recon.solvers.stopping import Gap, MaxIter, MaxSeconds, RelChange, Residuals, Rule

__all__ = [
    "Gap",
    "MaxIter",
    "MaxSeconds",
    "Problem",
    "Reason",
    "RelChange",
    "Residuals",
    "Result",
    "Rule",
    "Solver",
    "iterate",
    "unroll",
]
