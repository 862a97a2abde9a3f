"""What the audit of the locked packages says in CI's log."""

import json
import runpy

import pytest

from pipeline.config.places import ROOT

summary = runpy.run_path(str(ROOT / ".ci" / "audit"))["summary"]
SOUND = {"name": "sound", "version": "1", "vulns": []}
FAULTY = {"name": "faulty", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([SOUND], ["audit: 1 of 1 packages audited, 0 known vulnerabilities"]),
        (
            [SOUND, FAULTY],
            [
                "audit: faulty 2: CVE-1, mended in 2.1",
                "audit: 2 of 2 packages audited, 1 known vulnerabilities",
            ],
        ),
        (
            [UNKNOWN, SOUND],
            ["audit: INCOMPLETE, 1 of 2 packages audited, 0 known vulnerabilities"],
        ),
    ],
)
def test_vulnerabilities_and_packages_that_were_not_audited_are_told(packages, expected):
    assert summary(json.dumps({"dependencies": packages}), "") == expected


def test_a_service_that_does_not_answer_is_told():
    (line,) = summary("", "Traceback\nConnectionError: no such host\n")
    assert line == "audit: NOT DONE, the service does not answer: ConnectionError: no such host"
