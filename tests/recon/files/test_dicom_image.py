"""One DICOM file: what its header says of the pixels, as it says it."""

import numpy as np
import pytest

from recon.files import DataError
from tests.recon.files.test_dicom import CODES, save

pydicom = pytest.importorskip("pydicom")

from recon.files.dicom_image import DicomImage, read_header  # noqa: E402


def image(path):
    return DicomImage(path, read_header(path))


@pytest.mark.parametrize(
    ("slope", "intercept", "rescale"),
    [
        (2, -1024, {"slope": 2.0, "intercept": -1024.0}),
        (1, 0, {}),
        (1, 5, {"slope": 1.0, "intercept": 5.0}),
        (0, 7, {"slope": 0.0, "intercept": 7.0}),
        (None, None, {}),
    ],
)
def test_rescaling_is_that_of_the_file(tmp_path, slope, intercept, rescale):
    one = image(save(tmp_path / "a.dcm", CODES[0], RescaleSlope=slope, RescaleIntercept=intercept))
    assert one.rescale(0) == rescale
    expected = CODES[0] * float(1 if slope is None else slope) + float(intercept or 0)
    assert np.array_equal(one.values()[()], expected)


def test_signed_pixels_and_large_values_that_are_dark(tmp_path):
    """Nothing is inverted."""
    signed = CODES[0].astype(np.int16) - 2000
    changes = {"PixelRepresentation": 1, "RescaleSlope": 1, "RescaleIntercept": 0}
    one = image(save(tmp_path / "a.dcm", signed.view(np.uint16), PhotometricInterpretation="MONOCHROME1", **changes))
    assert one.values().dtype == np.int16
    assert np.array_equal(one.values()[()], signed)
    assert one.about().notes["photometric"] == "MONOCHROME1"


def test_frames_with_places_and_rescaling_of_their_own(tmp_path):
    path = save(tmp_path / "a.dcm", CODES)
    header = pydicom.dcmread(path)
    frames = []
    for number in range(len(CODES)):
        values, place, frame = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        values.RescaleSlope, values.RescaleIntercept = number + 1, -number
        place.ImagePositionPatient = [0, 0, 3.0 * number]
        frame.PixelValueTransformationSequence, frame.PlanePositionSequence = [values], [place]
        frames.append(frame)
    header.PerFrameFunctionalGroupsSequence = frames
    header.save_as(path)
    one = image(path)
    factors = np.arange(1, 6)[:, None, None]
    assert np.array_equal(one.values()[()], CODES * factors - (factors - 1.0))
    assert np.array_equal(one.values()[2:4], (CODES * factors - (factors - 1.0))[2:4])
    assert one.about().along(0, 3, 2).notes["position"] == [0.0, 0.0, 6.0]
    assert one.about().along(0, 3, 2).notes["rescale"] == {"slope": 3.0, "intercept": -2.0}


def test_spacing_of_the_detector_where_no_other_is_known(tmp_path):
    path = save(tmp_path / "a.dcm", CODES[0], ImagerPixelSpacing=[0.1, 0.2])
    assert image(path).spacing() == (0.5, 0.7)
    header = pydicom.dcmread(path)
    del header.PixelSpacing
    header.save_as(path)
    assert image(path).spacing() == (0.1, 0.2)
    del header.ImagerPixelSpacing
    header.save_as(path)
    assert image(path).spacing() is None


def test_loss_that_the_file_admits_is_noted(tmp_path):
    assert "compressed" not in image(save(tmp_path / "a.dcm", CODES[0])).about().notes
    lossy = image(save(tmp_path / "b.dcm", CODES[0], LossyImageCompression="01"))
    assert lossy.about().notes["compressed"] == "with loss, before it was stored here"


@pytest.mark.parametrize("changes", [{"Rows": 65535, "Columns": 65535}, {"NumberOfFrames": 2**31 - 1}, {"Rows": 7}])
def test_headers_that_claim_more_than_the_file_holds(tmp_path, changes):
    one = image(save(tmp_path / "a.dcm", CODES[0], **changes))
    with pytest.raises(DataError, match=r"a\.dcm(:data cannot be read| is of \d+ bytes by its header)"):
        one.values()[()]


def test_files_without_an_image(tmp_path):
    header = pydicom.dcmread(save(tmp_path / "a.dcm", CODES[0], SOPClassUID=pydicom.uid.RTStructureSetStorage))
    del header.Rows, header.PixelData
    header.save_as(tmp_path / "a.dcm")
    with pytest.raises(DataError, match=r"tells no rows and columns.*its kind is RT Structure Set Storage"):
        read_header(tmp_path / "a.dcm")


def test_compressed_pixels_that_no_library_decodes(tmp_path):
    header = pydicom.dcmread(save(tmp_path / "a.dcm", CODES[0]))
    header.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8" + bytes(100)])
    header["PixelData"].is_undefined_length = True
    header.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    header.save_as(tmp_path / "a.dcm")
    with pytest.raises(DataError, match=r"^[^\n]*a\.dcm:data cannot be read \([^\n]+\)\.$"):
        image(tmp_path / "a.dcm").values()[()]
