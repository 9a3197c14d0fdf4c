"""Objects known in closed form: their images, exact line integrals and k-space, for tests and sample data."""

from recon.phantoms.beating_heart import beating_heart
from recon.phantoms.box import Box
from recon.phantoms.ellipse import Ellipse
from recon.phantoms.ellipse_phantom import EllipsePhantom
from recon.phantoms.ellipsoid import Ellipsoid
from recon.phantoms.gaussian_blob import GaussianBlob
from recon.phantoms.gaussian_blob_3d import GaussianBlob3D
from recon.phantoms.parametric_phantom import ParametricPhantom
from recon.phantoms.phantom import Phantom
from recon.phantoms.rectangle import Rectangle
from recon.phantoms.relaxation_head import relaxation_head
from recon.phantoms.shape import Shape
from recon.phantoms.shepp_logan import ball, disc, shepp_logan, shepp_logan_3d
from recon.phantoms.sinusoidal_coils import SinusoidalCoils
from recon.phantoms.tissue import Tissue

__all__ = [
    "Box",
    "Ellipse",
    "EllipsePhantom",
    "Ellipsoid",
    "GaussianBlob",
    "GaussianBlob3D",
    "ParametricPhantom",
    "Phantom",
    "Rectangle",
    "Shape",
    "SinusoidalCoils",
    "Tissue",
    "ball",
    "beating_heart",
    "disc",
    "relaxation_head",
    "shepp_logan",
    "shepp_logan_3d",
]
