"""Pictures on a sheet, each with its captions."""

import numpy as np
import pytest

from pipeline.tracking.recording.sheet import CELL, COLUMNS, GAP, LINE, contact_sheet


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (4, 4, 1), (6, 4, 2)])
def test_pictures_stand_in_rows(count, columns, rows):
    assert COLUMNS == 4
    sheet = contact_sheet([[[0] * 28] * 28] * count, [["", ""]] * count)
    assert sheet.size == (GAP + columns * (CELL + GAP), GAP + rows * (CELL + 2 * LINE + GAP))
    dark = np.asarray(sheet) == 0
    assert dark.sum() == count * CELL**2


def test_both_lines_stand_below_their_picture():
    blank = [[[255] * 28] * 28] * 2
    ink = 255 - np.asarray(contact_sheet(blank, [["", ""], ["is 4", "read 9"]]))
    assert not ink[: GAP + CELL].any()
    assert not ink[:, : CELL + 2 * GAP].any()
    first, second = ink[GAP + CELL :][:LINE], ink[GAP + CELL + LINE :][:LINE]
    assert first.any()
    assert second.sum() > first.sum()
