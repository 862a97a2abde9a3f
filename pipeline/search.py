"""Search for a good configuration with Optuna: `digits search search.trials=50 …`.

`search=NAME` takes the search space from conf/search/NAME.yaml. Run it in several terminals, or on
several machines with one storage, to share one study; run it again to continue the study.
"""

import sys

from pipeline.cli.command import run_command
from pipeline.config.checking import validate_options
from pipeline.config.trees import Tree
from pipeline.experiments.comparing.best import show
from pipeline.experiments.searching.space import Search
from pipeline.experiments.searching.study import run_search

AT = "search."


def run(tree: Tree) -> None:
    """Run the search and show its results."""
    search = validate_options(Search, tree.pop("search"), AT)
    show(run_search(search, tree))


def main() -> None:
    """Run from the command line; `search=NAME` selects conf/search/NAME.yaml."""
    named = [argument for argument in sys.argv[1:] if argument.startswith("search=")]
    others = [argument for argument in sys.argv[1:] if argument not in named]
    arguments = [f"+{named[-1]}" if named else "+search=mlp", *others]
    run_command(run, __doc__, arguments=arguments, options=Search, at=AT)


if __name__ == "__main__":
    main()
