"""Objects known in closed form: their images and their exact line integrals, for tests and sample data."""

from recon.phantoms.box import Box
from recon.phantoms.ellipse import Ellipse
from recon.phantoms.ellipse_phantom import EllipsePhantom
from recon.phantoms.ellipsoid import Ellipsoid
from recon.phantoms.gaussian_blob import GaussianBlob
from recon.phantoms.gaussian_blob_3d import GaussianBlob3D
from recon.phantoms.phantom import Phantom
from recon.phantoms.rectangle import Rectangle
from recon.phantoms.shape import Shape
from recon.phantoms.shepp_logan import ball, disc, shepp_logan, shepp_logan_3d

__all__ = [
    "Box",
    "Ellipse",
    "EllipsePhantom",
    "Ellipsoid",
    "GaussianBlob",
    "GaussianBlob3D",
    "Phantom",
    "Rectangle",
    "Shape",
    "ball",
    "disc",
    "shepp_logan",
    "shepp_logan_3d",
]
