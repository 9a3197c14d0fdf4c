"""Libraries that are not there are named with the extra that installs them."""

import pytest

from recon.files import DataError
from recon.files.need import EXTRAS, need
from recon.files.writers import LIBRARIES


@pytest.mark.parametrize(("library", "extra"), EXTRAS.items())
def test_the_extra_is_named(monkeypatch, library, extra):
    monkeypatch.setattr("recon.files.need.find_spec", lambda name: None)
    with pytest.raises(DataError) as caught:
        need(library, "a.x, a file,")
    assert str(caught.value) == f"a.x, a file, needs the package {library}: pip install 'recon-imaging[{extra}]'."


def test_what_is_there_is_not_complained_about(monkeypatch):
    asked = []
    monkeypatch.setattr("recon.files.need.find_spec", lambda name: asked.append(name) or object())
    need("nibabel", "a.nii")
    assert asked == ["nibabel"]


def test_every_library_of_a_writer_has_an_extra():
    assert set(LIBRARIES.values()) <= set(EXTRAS)
