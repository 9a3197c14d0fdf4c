"""Interpolating backprojection and its transpose: see :mod:`~recon.operators.ct.kernels.cpu.pixel_kernels`."""

from functools import partial

from recon.operators.ct.kernels.cpu import pixel_kernels, sheared

project = partial(sheared.project, pixel_kernels)
backproject = partial(sheared.backproject, pixel_kernels)
