"""The loops. The list of this room's members."""

if __name__ == "solvers":
    raise ImportError("the folder 'solvers' is the package 'recon.solvers': write `from recon.solvers import ...`.")

from recon.solvers.auto import Answer, Auto, Choice, choose, solve
from recon.solvers.differentiation.hypergradient import Hypergradient, hypergradient
from recon.solvers.differentiation.unroll import unroll
from recon.solvers.direct.fbp import FBP
from recon.solvers.direct.pseudo_inverse import PseudoInverse
from recon.solvers.direct.tikhonov_inverse import TikhonovInverse
from recon.solvers.direct.wiener import Wiener
from recon.solvers.direct.zero_filled import ZeroFilled
from recon.solvers.iterate import iterate
from recon.solvers.learning.denoising_training import DenoisingTraining
from recon.solvers.learning.diem import DiEM, LearnedPrior
from recon.solvers.learning.learn import Learned, learn
from recon.solvers.linear.cg import CGInfo, cg
from recon.solvers.linear.cgls import CGLS
from recon.solvers.linear.chebyshev import chebyshev
from recon.solvers.linear.fourier_preconditioner import fourier_preconditioner
from recon.solvers.linear.jacobi import jacobi
from recon.solvers.linear.lsmr import LSMR
from recon.solvers.linear.lsqr import LSQR
from recon.solvers.linear.minres import minres
from recon.solvers.linear.neumann import neumann
from recon.solvers.linear.os_sart import OSSART
from recon.solvers.linear.self_calibration import Calibration, self_calibrate
from recon.solvers.linear.sirt import SIRT
from recon.solvers.linear.symmetric_polynomial import power_traces, symmetric_polynomial
from recon.solvers.optimisation.admm import ADMM
from recon.solvers.optimisation.condat_vu import CondatVu
from recon.solvers.optimisation.douglas_rachford import DouglasRachford
from recon.solvers.optimisation.fista import FISTA
from recon.solvers.optimisation.gauss_newton import GaussNewton
from recon.solvers.optimisation.ghadimi_lan import GhadimiLan
from recon.solvers.optimisation.irls import IRLS
from recon.solvers.optimisation.lbfgs import LBFGS
from recon.solvers.optimisation.linearised_admm import LinearisedADMM
from recon.solvers.optimisation.mlem import MLEM
from recon.solvers.optimisation.nonlinear_cg import NonlinearCG
from recon.solvers.optimisation.osem import OSEM
from recon.solvers.optimisation.pd3o import PD3O
from recon.solvers.optimisation.pdhg import PDHG
from recon.solvers.optimisation.pnp_admm import PnPADMM
from recon.solvers.optimisation.pnp_drs import PnPDRS
from recon.solvers.optimisation.pnp_fista import PnPFISTA
from recon.solvers.optimisation.pnp_hqs import PnPHQS
from recon.solvers.optimisation.pnp_pdhg import PnPPDHG
from recon.solvers.optimisation.pnp_pgd import PnPPGD
from recon.solvers.optimisation.proximal_gradient import ProximalGradient
from recon.solvers.optimisation.red import RED
from recon.solvers.optimisation.sps import SPS
from recon.solvers.optimisation.stochastic_pdhg import StochasticPDHG
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.sampling.calibration.conformal_intervals import ConformalIntervals
from recon.solvers.sampling.calibration.conformal_region import ConformalRegion
from recon.solvers.sampling.calibration.coverage_curve import CoverageCurve
from recon.solvers.sampling.calibration.rank_histogram import RankHistogram
from recon.solvers.sampling.calibration.tarp import TARP
from recon.solvers.sampling.chains.skrock import SKROCK
from recon.solvers.sampling.chains.split_gibbs import SplitGibbs
from recon.solvers.sampling.chains.ula import ULA
from recon.solvers.sampling.credible_region import CredibleRegion
from recon.solvers.sampling.diversity import Diversity
from recon.solvers.sampling.enkg import EnKG
from recon.solvers.sampling.guidance.daps import DAPS
from recon.solvers.sampling.guidance.ddnm import DDNM
from recon.solvers.sampling.guidance.ddnm_plus import DDNMPlus
from recon.solvers.sampling.guidance.ddrm import DDRM
from recon.solvers.sampling.guidance.diffpir import DiffPIR
from recon.solvers.sampling.guidance.dps import DPS
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.guidance.joint_dps import JointDPS
from recon.solvers.sampling.guidance.mask_shift import MaskShift
from recon.solvers.sampling.guidance.mcg import MCG
from recon.solvers.sampling.guidance.mmps import MMPS
from recon.solvers.sampling.guidance.noise_refined import NoiseRefined
from recon.solvers.sampling.guidance.pigdm import PiGDM
from recon.solvers.sampling.guidance.psld import PSLD
from recon.solvers.sampling.guidance.resample import ReSample
from recon.solvers.sampling.guidance.tmpd import TMPD
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.dpm_solver import DPMSolver
from recon.solvers.sampling.integrators.euler_sde import EulerSDE
from recon.solvers.sampling.integrators.heun import Heun
from recon.solvers.sampling.integrators.heun_sde import HeunSDE
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Move
from recon.solvers.sampling.integrators.predictor_corrector import PredictorCorrector
from recon.solvers.sampling.integrators.renoise import Renoise
from recon.solvers.sampling.particles import ParticleSampler
from recon.solvers.sampling.points.pnp_flow import PnPFlow
from recon.solvers.sampling.points.red_diff import REDDiff
from recon.solvers.sampling.posterior_samples import PosteriorSamples
from recon.solvers.sampling.prior_samples import sample_prior
from recon.solvers.sampling.sample import sample
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.schedule import KarrasSchedule, NoiseSchedule, VPSchedule
from recon.solvers.sampling.twisted_smc import TwistedSMC
from recon.solvers.solver import Solver
from recon.solvers.stopping import Discrepancy, Gap, MaxIter, MaxSeconds, RelChange, Residuals, Rule
from recon.solvers.tuning.discrepancy_principle import DiscrepancyPrinciple
from recon.solvers.tuning.evidence import Evidence
from recon.solvers.tuning.gcv import GCV
from recon.solvers.tuning.l_curve import LCurve
from recon.solvers.tuning.oracle import Oracle
from recon.solvers.tuning.sure import SURE
from recon.solvers.tuning.tune import Tuned, tune

__all__ = [
    "ADMM",
    "CGLS",
    "DAPS",
    "DDIM",
    "DDNM",
    "DDRM",
    "DPS",
    "FBP",
    "FISTA",
    "GCV",
    "IRLS",
    "LBFGS",
    "LSMR",
    "LSQR",
    "MCG",
    "MLEM",
    "MMPS",
    "OSEM",
    "OSSART",
    "PD3O",
    "PDHG",
    "PSLD",
    "RED",
    "SIRT",
    "SKROCK",
    "SPS",
    "SURE",
    "TARP",
    "TMPD",
    "ULA",
    "Ancestral",
    "Answer",
    "Auto",
    "CGInfo",
    "Calibration",
    "Choice",
    "CondatVu",
    "ConformalIntervals",
    "ConformalRegion",
    "CoverageCurve",
    "CredibleRegion",
    "DDNMPlus",
    "DPMSolver",
    "DenoisingTraining",
    "DiEM",
    "DiffPIR",
    "Discrepancy",
    "DiscrepancyPrinciple",
    "Diversity",
    "DouglasRachford",
    "EnKG",
    "EulerSDE",
    "Evidence",
    "Gap",
    "GaussNewton",
    "GhadimiLan",
    "Guess",
    "Guided",
    "Heun",
    "HeunSDE",
    "Hypergradient",
    "Integrator",
    "JointDPS",
    "KarrasSchedule",
    "LCurve",
    "Learned",
    "LearnedPrior",
    "Level",
    "LinearisedADMM",
    "MaskShift",
    "MaxIter",
    "MaxSeconds",
    "Move",
    "NoiseRefined",
    "NoiseSchedule",
    "NonlinearCG",
    "Oracle",
    "ParticleSampler",
    "PiGDM",
    "PnPADMM",
    "PnPDRS",
    "PnPFISTA",
    "PnPFlow",
    "PnPHQS",
    "PnPPDHG",
    "PnPPGD",
    "PosteriorSamples",
    "PredictorCorrector",
    "Problem",
    "ProximalGradient",
    "PseudoInverse",
    "REDDiff",
    "RankHistogram",
    "ReSample",
    "Reason",
    "RelChange",
    "Renoise",
    "Residuals",
    "Result",
    "Rule",
    "Sampler",
    "Solver",
    "SplitGibbs",
    "StochasticPDHG",
    "TikhonovInverse",
    "Tuned",
    "TwistedSMC",
    "VPSchedule",
    "Wiener",
    "ZeroFilled",
    "cg",
    "chebyshev",
    "choose",
    "fourier_preconditioner",
    "hypergradient",
    "iterate",
    "jacobi",
    "learn",
    "minres",
    "neumann",
    "power_traces",
    "sample",
    "sample_prior",
    "self_calibrate",
    "solve",
    "symmetric_polynomial",
    "tune",
    "unroll",
]
