"""Law suites for operators, functionals, noise models, data terms, priors and solvers, for yours, too."""

from recon.testing.data_terms import check_data_term
from recon.testing.functionals import check_functional
from recon.testing.members import members
from recon.testing.noise import check_noise
from recon.testing.operators import check_operator
from recon.testing.priors import check_prior
from recon.testing.report import LawResult, NotApplicable, Report, run_laws
from recon.testing.solvers import check_solver

__all__ = [
    "LawResult",
    "NotApplicable",
    "Report",
    "check_data_term",
    "check_functional",
    "check_noise",
    "check_operator",
    "check_prior",
    "check_solver",
    "members",
    "run_laws",
]
