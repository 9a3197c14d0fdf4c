"""Preprocessing: explicit steps from the data as read to the data as reconstructed."""

from recon.preprocess.angles import Angles
from recon.preprocess.coil_maps import CoilMaps
from recon.preprocess.crop import Crop
from recon.preprocess.flat_field import FlatField
from recon.preprocess.flip import Flip
from recon.preprocess.negative_log import NegativeLog
from recon.preprocess.rotation_axis import RotationAxis
from recon.preprocess.sampling_mask import SamplingMask
from recon.preprocess.scale import Scale
from recon.preprocess.step import Step
from recon.preprocess.transpose import Transpose

__all__ = [
    "Angles",
    "CoilMaps",
    "Crop",
    "FlatField",
    "Flip",
    "NegativeLog",
    "RotationAxis",
    "SamplingMask",
    "Scale",
    "Step",
    "Transpose",
]
