"""Files in and out: readers that give items, and writers of results."""

from recon.files.cfl import Cfl
from recon.files.dxchange import DXchange
from recon.files.hdf5 import Hdf5
from recon.files.htc2022 import HTC2022
from recon.files.idx import Idx
from recon.files.images import Images
from recon.files.item import DataError, Item, ItemRef
from recon.files.mat import Mat
from recon.files.npy import Numpy
from recon.files.nxtomo import NXtomo
from recon.files.reader import Reader
from recon.files.scan import Scan
from recon.files.writers import FORMATS, write

__all__ = [
    "FORMATS",
    "HTC2022",
    "Cfl",
    "DXchange",
    "DataError",
    "Hdf5",
    "Idx",
    "Images",
    "Item",
    "ItemRef",
    "Mat",
    "NXtomo",
    "Numpy",
    "Reader",
    "Scan",
    "write",
]
