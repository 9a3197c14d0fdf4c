"""Files in and out: readers that give items, and writers of results."""

from recon.files.cfl import Cfl
from recon.files.hdf5 import Hdf5
from recon.files.idx import Idx
from recon.files.images import Images
from recon.files.item import DataError, Item, ItemRef
from recon.files.mat import Mat
from recon.files.npy import Numpy
from recon.files.reader import Reader
from recon.files.writers import FORMATS, write

__all__ = ["FORMATS", "Cfl", "DataError", "Hdf5", "Idx", "Images", "Item", "ItemRef", "Mat", "Numpy", "Reader", "write"]
