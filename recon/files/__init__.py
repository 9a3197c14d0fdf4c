"""Files in and out: readers that give items, and writers of results."""

from recon.files.cfl import Cfl
from recon.files.dicom import Dicom
from recon.files.dxchange import DXchange
from recon.files.fastmri import FastMRI
from recon.files.fits import Fits
from recon.files.hdf5 import Hdf5
from recon.files.htc2022 import HTC2022
from recon.files.idx import Idx
from recon.files.images import Images
from recon.files.ismrmrd import Ismrmrd
from recon.files.item import DataError, Item, ItemRef
from recon.files.lodopab import LoDoPaB
from recon.files.mat import Mat
from recon.files.nifti import Nifti
from recon.files.npy import Numpy
from recon.files.nxtomo import NXtomo
from recon.files.reader import Reader
from recon.files.scan import Scan
from recon.files.write_cfl import write_cfl
from recon.files.writers import FORMATS, write
from recon.files.zarr import Zarr

__all__ = [
    "FORMATS",
    "HTC2022",
    "Cfl",
    "DXchange",
    "DataError",
    "Dicom",
    "FastMRI",
    "Fits",
    "Hdf5",
    "Idx",
    "Images",
    "Ismrmrd",
    "Item",
    "ItemRef",
    "LoDoPaB",
    "Mat",
    "NXtomo",
    "Nifti",
    "Numpy",
    "Reader",
    "Scan",
    "Zarr",
    "write",
    "write_cfl",
]
