"""The table of faults names tests that exist."""

import re

from pipeline.config.places import ROOT


def test_every_fault_names_a_test_that_exists():
    rows = re.findall(r"^\| .*", (ROOT / "docs" / "faults.md").read_text(), re.MULTILINE)
    named = [
        re.search(r"`(tests/\S+\.py)::(\w+)` \|$", row) for row in rows if "| test |" not in row
    ]
    assert named
    for each in named:
        assert each
        assert f"def {each[2]}(" in (ROOT / each[1]).read_text(), each[0]
