"""Run a part of the soak: `python -m soak kills --seeds 0-49`, `python -m soak crowd`."""

import argparse
import sys
from pathlib import Path

from soak import crowd, kills


def main():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--folder", type=Path, default=Path(".soak"), help="where to work")
    parts = parser.add_subparsers(dest="part", required=True)
    killing = parts.add_parser("kills", help="kill -9 at random moments")
    killing.add_argument("--seeds", default="0-49", help="first and last; those done are skipped")
    killing.add_argument("--kinds", nargs="*", default=list(kills.KINDS), choices=kills.KINDS)
    crowded = parts.add_parser("crowd", help="many commands at once on one SQLite store")
    crowded.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    if options.part == "crowd":
        sys.exit(crowd.main(options.folder.resolve(), options.seconds))
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    sys.exit(kills.run(options.folder.resolve(), seeds, options.kinds))


if __name__ == "__main__":
    main()
