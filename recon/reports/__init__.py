"""Pictures of what went in, what came out and how the solver got there."""

from recon.reports.convergence import convergence_plot
from recon.reports.map_preview import map_preview
from recon.reports.posterior import posterior_picture
from recon.reports.preview import preview

__all__ = ["convergence_plot", "map_preview", "posterior_picture", "preview"]
