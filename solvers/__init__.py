"""The loops. The list of this room's members."""

if __name__ == "solvers":
    raise ImportError("the folder 'solvers' is the package 'recon.solvers': write `from recon.solvers import ...`.")

from recon.solvers.direct.fbp import FBP
from recon.solvers.direct.pseudo_inverse import PseudoInverse
from recon.solvers.direct.zero_filled import ZeroFilled
from recon.solvers.iterate import iterate, unroll
from recon.solvers.linear.cg import CGInfo, cg
from recon.solvers.linear.cgls import CGLS
from recon.solvers.linear.os_sart import OSSART
from recon.solvers.linear.sirt import SIRT
from recon.solvers.optimisation.admm import ADMM
from recon.solvers.optimisation.fista import FISTA
from recon.solvers.optimisation.pdhg import PDHG
from recon.solvers.optimisation.pnp_admm import PnPADMM
from recon.solvers.optimisation.pnp_hqs import PnPHQS
from recon.solvers.optimisation.pnp_pgd import PnPPGD
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.sampling.ancestral import sample_prior
from recon.solvers.sampling.dps import DPS
from recon.solvers.sampling.mmps import MMPS
from recon.solvers.sampling.posterior_samples import PosteriorSamples, sample
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.schedule import KarrasSchedule, NoiseSchedule, VPSchedule
from recon.solvers.solver import Solver
from recon.solvers.stopping import Gap, MaxIter, MaxSeconds, RelChange, Residuals, Rule

__all__ = [
    "ADMM",
    "CGLS",
    "DPS",
    "FBP",
    "FISTA",
    "MMPS",
    "OSSART",
    "PDHG",
    "SIRT",
    "CGInfo",
    "Gap",
    "KarrasSchedule",
    "MaxIter",
    "MaxSeconds",
    "NoiseSchedule",
    "PnPADMM",
    "PnPHQS",
    "PnPPGD",
    "PosteriorSamples",
    "Problem",
    "PseudoInverse",
    "Reason",
    "RelChange",
    "Residuals",
    "Result",
    "Rule",
    "Sampler",
    "Solver",
    "VPSchedule",
    "ZeroFilled",
    "cg",
    "iterate",
    "sample",
    "sample_prior",
    "unroll",
]
