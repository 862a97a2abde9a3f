"""Remove what nothing needs any more: `digits gc [yes=true]`.

That is what no commit, no experiment of DVC, no run in MLflow and no registered model needs. A
table says how much it is; then you are asked, unless yes=true. Runs that were deleted in MLflow are
deleted for good, and with them what they alone needed of DVC's cache; those on a server are left to
it. Networks in DVC's cache whose runs no store here knows are kept, since another store may have
them, unless unknown=true.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.cli.project.workspace import lock_dvc, lock_workspace
from pipeline.config.schema import Config, Options, Tracking
from pipeline.leftovers.cache import Cache, cache_folder
from pipeline.leftovers.folders import leftovers_of_sweeps, other_leftovers
from pipeline.leftovers.others import expect_nobody
from pipeline.leftovers.removal import Leftovers
from pipeline.tracking.addresses import local_store, tracking_uri
from pipeline.tracking.cleaning.known import KnownRuns
from pipeline.tracking.cleaning.local import (
    folders_of_deleted,
    forget,
    read_rows,
    stray_folders,
)
from pipeline.tracking.store import follow_move

log = logging.getLogger(__name__)


class GcOptions(Options):
    """How to remove."""

    yes: bool = Field(False, description="Whether to remove without asking.")
    unknown: bool = Field(
        False, description="Whether to remove networks, too, whose runs no store here knows."
    )


def run(config: Config, options: GcOptions) -> None:
    """Say what nothing needs, and remove it if that is agreed to."""
    with lock_workspace(), lock_dvc():
        expect_nobody()
        follow_move()
        found = [
            each
            for each in find(config.tracking, unknown=options.unknown)
            if each.paths or each.entries
        ]
        print("\n".join(table(found)))
        removable = [each for each in found if each.removable]
        if removable and (options.yes or _agreed()):
            for each in removable:
                each.remove()
            print("removed")


def find(settings: Tracking, *, unknown: bool) -> Iterator[Leftovers]:
    """Yield what nothing needs, by kind; some kinds may be empty.

    Args:
        settings: Where runs are recorded.
        unknown: Whether runs that no store here knows count as deleted.
    """
    known, rows = KnownRuns.find(settings), read_rows()
    entries = len([*rows.deleted_runs(), *rows.deleted_models(), *rows.deleted_experiments()])
    forgotten = partial(forget, rows, settings)
    yield Leftovers(
        "runs that were deleted in MLflow", folders_of_deleted(rows), entries, forgotten
    )
    yield Leftovers("artifacts that belong to no run", stray_folders())
    yield from _of_cache(known, unknown=unknown)
    yield from leftovers_of_sweeps(known)
    is_local = tracking_uri(settings) == local_store()
    yield from other_leftovers(known, rows.registered_models if is_local else None)


def _of_cache(known: KnownRuns, *, unknown: bool) -> Iterator[Leftovers]:
    folder = cache_folder()
    if folder is None:
        log.info("DVC's cache is outside this project, and others may use it: it stays as it is")
        return
    cache = Cache(folder)
    deleted = cache.unneeded(lambda run: run not in known.deleted)
    yield Leftovers("in DVC's cache: results of no run, or of a deleted one", sorted(deleted))
    more = cache.unneeded(lambda run: run in known.alive) - deleted
    kept = "" if unknown else "; kept without unknown=true"
    what = f"in DVC's cache: results of runs that no store here knows{kept}"
    yield Leftovers(what, sorted(more), removable=unknown)


def table(found: Sequence[Leftovers]) -> Iterator[str]:
    """Yield the lines of a table: files, size and what it is."""
    if not found:
        yield "nothing lies here that nothing needs"
        return
    yield f"{'files':>7} {'size':>9}  what nothing needs"
    for each in found:
        yield f"{len(list(each.files())):>7,} {in_bytes(each.size()):>9}  {each.what}"


def in_bytes(size: int) -> str:
    """Return a size in bytes to show."""
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size} B"


def _agreed() -> bool:
    if sys.stdin.isatty():
        return input("remove all this? [y/N] ").strip().lower() in ("y", "yes")
    print("`digits gc yes=true` removes it")
    return False


def main() -> None:
    """Run from the command line."""
    run_tool(GcOptions, run, __doc__)


if __name__ == "__main__":
    main()
