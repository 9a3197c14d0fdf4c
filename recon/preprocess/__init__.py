"""Preprocessing: explicit steps from the data as read to the data as reconstructed."""

from recon.preprocess.angles import Angles
from recon.preprocess.beam_hardening import BeamHardening
from recon.preprocess.coil_maps import CoilMaps
from recon.preprocess.compress_coils import CompressCoils
from recon.preprocess.crop import Crop
from recon.preprocess.flat_field import FlatField
from recon.preprocess.flip import Flip
from recon.preprocess.joint_maps import JointMaps
from recon.preprocess.low_resolution_maps import LowResolutionMaps
from recon.preprocess.negative_log import NegativeLog
from recon.preprocess.prewhiten import Prewhiten
from recon.preprocess.remove_oversampling import RemoveOversampling
from recon.preprocess.rings import Rings
from recon.preprocess.rotation_axis import RotationAxis
from recon.preprocess.sampling_mask import SamplingMask
from recon.preprocess.scale import Scale
from recon.preprocess.step import Step
from recon.preprocess.transpose import Transpose
from recon.preprocess.views import Views
from recon.preprocess.walsh_maps import WalshMaps
from recon.preprocess.zingers import Zingers

__all__ = [
    "Angles",
    "BeamHardening",
    "CoilMaps",
    "CompressCoils",
    "Crop",
    "FlatField",
    "Flip",
    "JointMaps",
    "LowResolutionMaps",
    "NegativeLog",
    "Prewhiten",
    "RemoveOversampling",
    "Rings",
    "RotationAxis",
    "SamplingMask",
    "Scale",
    "Step",
    "Transpose",
    "Views",
    "WalshMaps",
    "Zingers",
]
