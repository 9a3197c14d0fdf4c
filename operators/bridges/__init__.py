"""deepinv, ODL and ASTRA: theirs taken in, ours handed out. None is imported before it is used."""

from recon.operators.bridges.astra import from_astra, to_astra
from recon.operators.bridges.deepinv_denoiser import DeepinvDenoiser, deepinv_denoiser
from recon.operators.bridges.deepinv_linear import DeepinvLinearOperator
from recon.operators.bridges.deepinv_operator import DeepinvOperator
from recon.operators.bridges.from_deepinv import from_deepinv
from recon.operators.bridges.from_odl import from_odl
from recon.operators.bridges.odl_geometry import from_odl_geometry, to_odl_geometry
from recon.operators.bridges.odl_linear import OdlLinearOperator
from recon.operators.bridges.odl_operator import OdlOperator
from recon.operators.bridges.to_deepinv import to_deepinv
from recon.operators.bridges.to_odl import to_odl

__all__ = [
    "DeepinvDenoiser",
    "DeepinvLinearOperator",
    "DeepinvOperator",
    "OdlLinearOperator",
    "OdlOperator",
    "deepinv_denoiser",
    "from_astra",
    "from_deepinv",
    "from_odl",
    "from_odl_geometry",
    "to_astra",
    "to_deepinv",
    "to_odl",
    "to_odl_geometry",
]
