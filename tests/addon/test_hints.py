"""The backend's advice as a panel gives it."""

import pytest
from link.hints import in_panel, labelled


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("Free some space and run it again.", "Free some space and run it again."),
        ("Lower --convert-batch.", "Lower “Convert Batch”."),
        ("Lower --batch or --resolution.", "Lower “Batch” or “Resolution”."),
        ("Leave missing frames out with --missing skip.", "Leave missing frames out with “Missing: Skip”."),
        ("Add one, such as --recogniser insightface.", "Add one, such as “Recognizer: InsightFace”."),
        ("Choose one with --face largest or track:N.", "Choose one with “Face” largest or track:N."),
        ("Leave --model out, or use --renderer network.", "Leave “Model” out, or use “Renderer: Network”."),
        ("Train one with: understudy train", ""),
        ("Run it again with --debug and report what it prints.", ""),
        ("Check the name. See: understudy convert --help", "Check the name."),
        ("", ""),
    ],
)
def test_advice_names_what_a_panel_has_and_no_command_line(hint, told):
    assert in_panel(hint) == told


def test_what_is_wrong_names_the_panels_settings_and_stays_whole():
    told = "--colour-match is for faces that a network paints; see understudy convert."
    assert labelled(told) == "“Color Match” is for faces that a network paints; see understudy convert."
