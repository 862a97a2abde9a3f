"""docs/troubleshooting.md has a row for every message of the code, and no row besides."""

import re
from functools import cache

from support import documents
from support.messages import VALUE, literals, messages

GUIDE = "docs/troubleshooting.md"
LETTERS = 11  # of fixed text; what has fewer only passes on the message of another place
ROW = re.compile(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


@cache
def rows():
    """Return each row's message as a pattern, by the message; commands in it match any text."""
    return {
        row[1]: re.compile(".*".join(map(re.escape, row[1].split(VALUE))), re.DOTALL)
        for row in ROW.finditer(documents.read(GUIDE))
    }


def fixed(text):
    return len(re.findall(r"[A-Za-z]", text.replace("…", "")))


def test_every_message_has_a_row():
    without = [
        f"{file}:{line}: {wording}"
        for file, line, wordings in messages()
        for wording in wordings
        if fixed(wording) >= LETTERS and not any(row.fullmatch(wording) for row in rows().values())
    ]
    assert without == []


def test_every_row_is_a_message_of_the_code():
    wordings = [wording for _, _, each in messages() for wording in each]
    stale = [
        message
        for message, row in rows().items()
        if not any(row.fullmatch(each) for each in wordings) and not is_written(message)
    ]
    assert stale == []


def is_written(message):
    """Return whether all fixed parts of a message stand in one file, for what is put together."""
    parts = [part for part in re.split(f"{VALUE}|[,:;] ?", message) if fixed(part) > 3]
    return any(all(part in text for part in parts) for text in literals()) and bool(parts)


def test_every_row_says_what_it_means_and_what_to_do():
    lines = [line for line in documents.read(GUIDE).splitlines() if line.startswith("| `")]
    assert len(lines) == len(rows())
    assert [line for line in lines if not re.search(r"[.)`]? \|$", line)] == []
