"""Let people use a team's server at the same time: `PYTHONPATH=tests python -m team [SECONDS]`."""

import sys
import tempfile
from pathlib import Path

from team.people import soak

NAMES = ("anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo")


def main():
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), float(sys.argv[1]) if sys.argv[1:] else 600, NAMES)
    print("\n".join(found) or "nothing lost")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
