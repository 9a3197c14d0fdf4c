"""What images look like. The list of this room's members."""

if __name__ == "priors":
    raise ImportError("the folder 'priors' is the package 'recon.priors': write `from recon.priors import ...`.")

from recon.priors.handcrafted.box import Box, NonNegative
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.priors.prior import Prior, Term, VariationalPrior
from recon.priors.sum import SumPrior

__all__ = ["Box", "NonNegative", "Prior", "SumPrior", "Term", "Tikhonov", "TotalVariation", "VariationalPrior"]
