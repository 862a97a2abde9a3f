"""Run the soak: `python -m soak all`, or a part of it, such as `kills --seeds 0-49`."""

import argparse
import sys
from pathlib import Path

from soak import crowd, kills


def main():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("part", choices=("all", "kills", "crowd"))
    parser.add_argument("--folder", type=Path, default=Path(".soak"), help="where to work")
    parser.add_argument("--seeds", default="0-199", help="of kills: first-last, less those done")
    parser.add_argument("--kinds", nargs="*", default=list(kills.KINDS), choices=kills.KINDS)
    parser.add_argument("--seconds", type=float, default=600, help="of the crowd")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    found = []
    if options.part != "crowd":
        seeds = range(int(first), int(last or first) + 1)
        found += kills.run(options.folder.resolve() / "kills", seeds, options.kinds)
    if options.part != "kills":
        found += crowd.run(options.folder.resolve() / "crowd", options.seconds)
    print("\n".join(found) or "nothing lost, nobody kept out")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
