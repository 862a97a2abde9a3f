"""What libraries write to the process's stderr is lost within the block alone."""

import os
from contextlib import suppress

from pipeline.digits.training.start.quiet import silenced_libraries


def test_what_is_written_within_the_block_is_lost_even_if_it_fails(capfd):
    os.write(2, b"before ")
    with suppress(ValueError), silenced_libraries():
        os.write(2, b"within ")
        raise ValueError
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"
