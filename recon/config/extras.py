"""What a job offers beyond the constructors' own parameters, and what the data supply where a job leaves it out."""

from __future__ import annotations

from recon.config.kinds import Choice, File, Kind, Plain, union
from recon.config.values import ESTIMATE
from recon.config.weights import AUTO
from recon.parameters import Parameter
from recon.signatures import ClassInfo

OPERATOR = "recon.operators.operator.Operator"
GEOMETRY = "recon.operators.ct.geometry.Geometry"
VOLUME = "recon.operators.ct.volume.Volume"
VARIATIONAL = "recon.priors.prior.VariationalPrior"
GAUSSIAN = "recon.operators.noise.GaussianNoise"
ANGLE_UNITS = Choice(("deg", "rad"))
FILES = ("path", "truth", "weights")
"""Text parameters of these names are paths, relative to the file they are written in."""


def extra_keys(info: ClassInfo) -> dict[str, Kind]:
    """Keys that a component takes in a job although its constructor does not: ``angle_unit`` beside ``angles``."""
    return {"angle_unit": ANGLE_UNITS} if "angles" in info.parameters else {}


def widened(info: ClassInfo, parameter: Parameter, kind: Kind) -> Kind:
    """What the parameter accepts in a job: paths for text that names files, noise levels and weights to be found."""
    if parameter.name == "lam" and info.derives(VARIATIONAL):
        return union([kind, Choice(AUTO)])
    if info.path == GAUSSIAN and parameter.name == "sigma":
        return union([kind, Choice((ESTIMATE,))])
    if parameter.name in FILES:
        options = kind.options if hasattr(kind, "options") else (kind,)
        return union([File() if option == Plain("text") else option for option in options])
    return kind


def from_data(info: ClassInfo, name: str) -> bool:
    """Whether a parameter, where the job leaves it out, follows from the data rather than from its default.

    The bins and rows of a scan geometry are those of the data, the volume has as many pixels each way as there are
    bins, and its pixels are as wide as what a bin sees of the rotation axis.
    """
    if info.derives(GEOMETRY):
        return name in ("bins", "rows")
    if info.path == VOLUME:
        return name in ("shape", "spacing", "offset")
    return name == "volume" and info.derives(OPERATOR)


def may_leave_out(info: ClassInfo, parameter: Parameter, *, inside: bool) -> bool:
    """Whether a parameter without a default may be missing because it follows from the data.

    Beside those of :func:`from_data`, an operator's ``shape`` does, where the class says how (``domain_shape_for``) or
    the operator stands ``inside`` another component that acts on images.
    """
    if parameter.name == "shape" and info.derives(OPERATOR):
        return inside or info.method("domain_shape_for") is not None
    return from_data(info, parameter.name)
