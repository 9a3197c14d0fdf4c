"""Computed tomography: geometries, the ray transform and filtered backprojection."""

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.fbp import FilteredBackprojection
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.out_of_core import OutOfCore
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.vector_beam import VectorBeam
from recon.operators.ct.volume import Volume

__all__ = [
    "ConeBeam",
    "FanBeam",
    "FilteredBackprojection",
    "Geometry",
    "OutOfCore",
    "ParallelBeam",
    "ParallelBeam3D",
    "RayTransform",
    "VectorBeam",
    "Volume",
]
