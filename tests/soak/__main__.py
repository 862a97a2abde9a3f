"""Run the soak: `python -m soak all`, or a part of it, such as `kills --seeds 0-49`."""

import argparse
import sys
from pathlib import Path

from soak import crowd, kills, outages

PARTS = ("kills", "crowd", "outages")


def seeds(span):
    first, _, last = span.partition("-")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("part", choices=("all", *PARTS))
    parser.add_argument("--folder", type=Path, default=Path(".soak"), help="where to work")
    parser.add_argument("--seeds", help="first-last, less the kills done")
    parser.add_argument("--kinds", nargs="*", default=list(kills.KINDS), choices=kills.KINDS)
    parser.add_argument("--seconds", type=float, default=600, help="of the crowd")
    options = parser.parse_args()
    found = []
    for part in PARTS if options.part == "all" else [options.part]:
        folder = options.folder.resolve() / part
        if part == "kills":
            found += kills.run(folder, seeds(options.seeds or "0-199"), options.kinds)
        elif part == "crowd":
            found += crowd.run(folder, options.seconds)
        else:
            found += outages.run(folder, seeds(options.seeds or "0-9"))
    print("\n".join(found) or "nothing lost, nobody kept out")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
