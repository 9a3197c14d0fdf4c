"""Computed tomography: geometries, the ray transform and filtered backprojection."""

from recon.operators.ct.fbp import FilteredBackprojection
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.volume import Volume

__all__ = ["FilteredBackprojection", "Geometry", "ParallelBeam", "RayTransform", "Volume"]
