"""Let Optuna look for a good configuration: `python -m pipeline.search search.trials=50 …`.

`search=NAME` takes the search space from conf/search/NAME.yaml. Run it in several terminals, or on
several machines with one storage, and all work on one study; run it again, and the study goes on.
"""

import sys

from pipeline.cli.command import run_command
from pipeline.config.trees import Tree
from pipeline.experiments.results import show
from pipeline.experiments.space import check_search
from pipeline.experiments.study import run_search


def run(tree: Tree) -> None:
    """Search as configured and show what came of it."""
    search = check_search(tree.pop("search"))
    show(run_search(search, tree))


def main() -> None:
    """Run from the command line; `search=NAME` chooses among conf/search/."""
    named = [argument for argument in sys.argv[1:] if argument.startswith("search=")]
    others = [argument for argument in sys.argv[1:] if argument not in named]
    sys.argv[1:] = [f"+{named[-1]}" if named else "+search=mlp", *others]
    run_command(run)


if __name__ == "__main__":
    main()
