"""DICOM: rescaled values, frames, series in the order of their positions, and no names of patients."""

import numpy as np
import pytest
import torch

from recon.files import DataError, Dicom, write
from recon.files.inspect import summarise

pydicom = pytest.importorskip("pydicom")

CODES = np.random.default_rng(0).integers(0, 4000, (5, 6, 7), dtype=np.uint16)


def save(path, codes, z=0.0, series=1, **changes):
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    image = pydicom.Dataset()
    image.file_meta = meta
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.SeriesInstanceUID, image.SeriesNumber = f"1.2.{series}", series
    image.Modality, image.PatientName, image.PatientID = "CT", "Doe^Jane", "4711"
    image.Rows, image.Columns = codes.shape[-2:]
    image.PixelSpacing, image.ImagePositionPatient = [0.5, 0.7], [0, 0, z]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 2, -1024, "HU"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    if codes.ndim == 3:
        image.NumberOfFrames = len(codes)
    image.PixelData = codes.astype("<u2").tobytes()
    for name, value in changes.items():
        setattr(image, name, value)
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def series(tmp_path):
    """Five slices under names that say nothing of their order, beside a file that is none."""
    for number in (3, 1, 4, 0, 2):
        save(tmp_path / f"IM{number * 7 % 5}", CODES[number], 2.5 * number)
    (tmp_path / "README").write_text("not an image")
    return tmp_path


def test_hounsfield_units_spacing_and_orientation(tmp_path):
    item = Dicom(str(save(tmp_path / "a.dcm", CODES[0], 12.5))).items()[0].load()
    assert np.array_equal(item.data.numpy(), CODES[0] * 2.0 - 1024)
    assert item.units == "HU"
    assert item.meta["rescale"] == {"slope": 2.0, "intercept": -1024.0}
    assert item.meta["spacing_mm"] == [0.5, 0.7]
    assert item.meta["position"] == [0.0, 0.0, 12.5]
    assert item.meta["orientation"] == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert "Doe" not in repr(item.meta)
    assert "Doe" not in repr(summarise(tmp_path / "a.dcm"))


def test_a_series_is_stacked_by_position(series):
    (reference,) = Dicom(str(series), series="volume").items()
    item = reference.load()
    assert np.array_equal(item.data.numpy(), CODES * 2.0 - 1024)
    assert item.meta["spacing_mm"] == [2.5, 0.5, 0.7]
    third = Dicom(str(series), series="volume", slices={"axis": 0, "index": 3}).items()[0].load()
    assert np.array_equal(third.data.numpy(), CODES[3] * 2.0 - 1024)


def test_a_folder_gives_an_item_of_each_image(series):
    assert [reference.id for reference in Dicom(str(series)).items()] == [f"IM{n}" for n in range(5)]


def test_a_missing_slice_is_noticed(series):
    (series / "IM4").unlink()
    with pytest.raises(DataError, match=r"has slices at uneven distances of 2\.5 to 5 mm: slices are missing"):
        Dicom(str(series), series="volume").items()[0].load()


def test_several_series_in_a_folder(series):
    save(series / "other", CODES[0], series=7)
    with pytest.raises(DataError, match="holds 2 series, of numbers 1, 7; say which with series_number"):
        Dicom(str(series), series="volume").items()[0].load()
    assert Dicom(str(series), series="volume", series_number=1).items()[0].load().data.shape == (5, 6, 7)
    with pytest.raises(DataError, match="has no series 3; it has 1, 7"):
        Dicom(str(series), series="volume", series_number=3).items()[0].load()


def test_slices_of_different_sizes_make_no_volume(series):
    save(series / "IM9", CODES[0, :5], 12.5)
    with pytest.raises(DataError, match="has slices of different Rows, so they make no volume"):
        Dicom(str(series), series="volume").items()[0].load()


@pytest.mark.parametrize("compressed", [False, True])
def test_frames(tmp_path, compressed):
    path = save(tmp_path / "a.dcm", CODES, RescaleSlope=1, RescaleIntercept=0)
    if compressed:
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.RLELossless)
        image.save_as(path)
    item = Dicom(str(path)).items()[0].load()
    assert item.data.dtype == torch.float32
    assert np.array_equal(item.data.numpy(), CODES)
    second = Dicom(str(path), slices={"axis": 0, "index": "1:3"}).items()[1].load()
    assert np.array_equal(second.data.numpy(), CODES[2])


def test_colours_come_first(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    kind = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": pixels.tobytes()}
    path = save(tmp_path / "a.dcm", CODES[0], RescaleSlope=1, RescaleIntercept=0, **kind, **bits)
    item = Dicom(str(path)).items()[0].load()
    assert np.array_equal(item.data.numpy(), np.moveaxis(pixels, -1, 0))
    assert item.meta["color"] == "rgb"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"NumberOfFrames": 10**6}, "is of 84000000 bytes by its header, more than its file of [0-9]+ bytes can hold"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "has colours by palette"),
    ],
)
def test_headers_that_cannot_be_believed(tmp_path, changes, sentence):
    path = save(tmp_path / "a.dcm", CODES[0], **changes)
    with pytest.raises(DataError, match=sentence):
        Dicom(str(path), slices={"axis": 0, "index": 5}).items()[0].load()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.9])
def test_files_that_are_cut_off(tmp_path, share):
    path = save(tmp_path / "a.dcm", CODES)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(DataError) as caught:
        Dicom(str(path)).items()[0].load()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(5, 7), (4, 5, 7)])
def test_written_values_come_back_to_half_a_step(tmp_path, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3 + 0.02
    (path,) = write(tmp_path / "a", x, ["dicom"], {"spacing_mm": [3.0, 0.5, 0.25][-len(shape) :], "units": "1/mm"})
    item = Dicom(str(path)).items()[0].load()
    assert item.data.shape == shape
    assert float((item.data - x).abs().max()) <= 0.51 * item.meta["rescale"]["slope"]
    assert item.meta["spacing_mm"][-2:] == [0.5, 0.25]
    assert item.units == "1/mm"


def test_a_range_that_dicom_cannot_tell_is_refused(tmp_path):
    x = torch.tensor([[1.23456789012, 1.23456789112]], dtype=torch.float64)
    with pytest.raises(DataError, match="sixteen characters do not tell"):
        write(tmp_path / "a", x, ["dicom"])
