"""The XML header of ISMRMRD in numbers."""

import pytest

from recon.files import DataError
from recon.files.mri_header import read_mri_header, spacing_of

SPACE = (
    "<{0}><matrixSize><x>{1}</x><y>320</y><z>2</z></matrixSize>"
    "<fieldOfView_mm><x>{2}</x><y>256.5</y><z>4.4</z></fieldOfView_mm></{0}>"
)
LIMITS = (
    "<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>319</maximum><center>160</center>"
    "</kspace_encoding_step_1><slice><minimum>0</minimum></slice></encodingLimits>"
)
ENCODING = (
    f"<encoding>{SPACE.format('encodedSpace', 640, 513)}{SPACE.format('reconSpace', 320, 256.5)}{LIMITS}"
    "<trajectory> cartesian </trajectory></encoding>"
)
TIMES = "<sequenceParameters><TR>2800</TR><TE>22.5</TE><TE>45</TE></sequenceParameters>"
FIELD = (
    "<acquisitionSystemInformation><systemFieldStrength_T>1.494</systemFieldStrength_T>"
    "<relativeReceiverNoiseBandwidth>0.79</relativeReceiverNoiseBandwidth></acquisitionSystemInformation>"
)


def xml(body, namespace=' xmlns="http://www.ismrm.org/ISMRMRD"'):
    return f'<?xml version="1.0"?><ismrmrdHeader{namespace}>{body}</ismrmrdHeader>'


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.ismrm.org/ISMRMRD"'])
def test_matrices_fields_of_view_and_times(namespace):
    assert read_mri_header(xml(FIELD + ENCODING + TIMES, namespace).encode(), "a.h5") == {
        "encoded": {"matrix": [2, 320, 640], "fov_mm": [4.4, 256.5, 513.0]},
        "reconstructed": {"matrix": [2, 320, 320], "fov_mm": [4.4, 256.5, 256.5]},
        "oversampling": 2.0,
        "receiver_noise_bandwidth": 0.79,
        "trajectory": "cartesian",
        "limits": {"kspace_encoding_step_1": [0, 160, 319]},
        "field_strength_T": 1.494,
        "TR_ms": 2800.0,
        "TE_ms": [22.5, 45.0],
    }


def test_what_the_header_leaves_out_is_missing():
    assert read_mri_header(xml(""), "a.h5") == {}
    assert read_mri_header(xml("<encoding><trajectory>radial</trajectory></encoding>"), "a.h5") == {
        "trajectory": "radial"
    }


def test_spacing_is_the_encoded_field_of_view_over_the_matrix():
    header = read_mri_header(xml(ENCODING), "a.h5")
    assert spacing_of(header, (320, 640)) == (256.5 / 320, 513 / 640)
    assert spacing_of(header, (2, 320, 640)) == (2.2, 256.5 / 320, 513 / 640)
    assert spacing_of({}, (320, 640)) is None


@pytest.mark.parametrize("text", [b"", b"<a><b></a>", b"\xff\xfe\x00", xml(ENCODING)[:200].encode()])
def test_other_text_is_one_sentence(text):
    with pytest.raises(DataError, match=r"^a\.h5:xml is not a readable ISMRMRD header \([^\n]+\)\.$"):
        read_mri_header(text, "a.h5:xml")
