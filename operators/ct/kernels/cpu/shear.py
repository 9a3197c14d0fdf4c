"""The shear model: see :mod:`~recon.operators.ct.kernels.cpu.shear_kernels`."""

from functools import partial

from recon.operators.ct.kernels.cpu import shear_kernels, sheared

project = partial(sheared.project, shear_kernels)
backproject = partial(sheared.backproject, shear_kernels)
