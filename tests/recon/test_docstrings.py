from recon.docstrings import parameter_notes, summary, unmarked

DOC = """R(x) = λ Σ |Dx|, summed over all pixels. More follows.

Text.

Parameters
----------
lam
    λ > 0, per unit
    of Σ|Dx|.
low, high : float
    Ends of ``the range``.

Attributes
----------
other
    Not a parameter.
"""


def test_the_summary_is_the_first_sentence_on_one_line() -> None:
    assert summary(DOC) == "R(x) = λ Σ |Dx|, summed over all pixels."
    assert summary("One line\nand its rest") == "One line and its rest"
    assert summary("") == ""


def test_notes_are_joined_and_shared_by_names_on_one_line() -> None:
    assert parameter_notes(DOC) == {
        "lam": "λ > 0, per unit of Σ|Dx|.",
        "low": "Ends of the range.",
        "high": "Ends of the range.",
    }


def test_no_parameters_section_means_no_notes() -> None:
    assert parameter_notes("Just text.\n\nParameters are fine.") == {}


def test_markup_is_taken_out() -> None:
    assert unmarked("see :class:`~recon.operators.Blur` and ``x``") == "see Blur and x"
