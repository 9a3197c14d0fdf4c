"""Objects known in closed form: their images and their exact line integrals, for tests and sample data."""

from recon.phantoms.ellipse import Ellipse
from recon.phantoms.ellipse_phantom import EllipsePhantom
from recon.phantoms.shepp_logan import disc, shepp_logan

__all__ = ["Ellipse", "EllipsePhantom", "disc", "shepp_logan"]
