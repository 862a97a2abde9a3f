"""Names that other packages keep to themselves: each is guarded, and none is used unguarded.

Where a new version has moved one, its guard says so before anything fails in an unclear way. What
is private without an underscore (MLflow's saved views and tables, DVC's locks) is guarded by
tests that hold it against the real thing: test_saved_view.py, test_local.py, test_workspace.py and
leftovers/test_cache.py.
"""

import ast
import inspect
from multiprocessing import forkserver

import pytest

from pipeline.config.places import ROOT

OURS = ("pipeline", "hydra_plugins")
PUBLIC = {"_target_"}
PUBLIC_FUNCTIONS = {"_exit"}  # os._exit is documented


def hydras_parser():
    from hydra._internal.utils import get_args_parser

    parsed = get_args_parser().parse_args(["--cfg", "job", "key=value"])
    assert (parsed.cfg, parsed.overrides) == ("job", ["key=value"])


def pythons_fork_server():
    server = forkserver._forkserver
    assert isinstance(server._preload_modules, list)
    assert callable(server._stop)


def mlflows_examples():
    from mlflow.models.utils import _save_example

    names = list(inspect.signature(_save_example).parameters)
    assert names[:3] == ["mlflow_model", "input_example", "path"]


def mlflows_store():
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._tracking_service.client import TrackingServiceClient

    assert isinstance(TrackingServiceClient.store, property)
    for name in ("_hard_delete_run", "_hard_delete_logged_model", "_hard_delete_experiment"):
        assert callable(getattr(SqlAlchemyStore, name))


def mlflows_client():
    from mlflow import MlflowClient

    assert "_tracking_client" in inspect.getsource(MlflowClient.__init__)


GUARDS = {
    "hydra._internal": hydras_parser,
    "_forkserver": pythons_fork_server,
    "_preload_modules": pythons_fork_server,
    "_stop": pythons_fork_server,
    "_save_example": mlflows_examples,
    "_tracking_client": mlflows_client,
    "_hard_delete_run": mlflows_store,
    "_hard_delete_logged_model": mlflows_store,
    "_hard_delete_experiment": mlflows_store,
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_private_name_is_still_what_we_use_it_for(name):
    try:
        GUARDS[name]()
    except (ImportError, AttributeError, AssertionError, TypeError) as error:
        pytest.fail(
            f"{name} is another one in the versions installed ({error}); follow it in "
            f"{', '.join(sorted(used()[name]))}, or keep the older version in pyproject.toml"
        )


def test_every_private_name_in_use_has_a_guard_and_no_guard_is_idle():
    assert set(used()) == set(GUARDS)


def used():
    """Return the private names of others that our code uses, and the files that do."""
    found = {}
    for file in (each for part in OURS for each in (ROOT / part).rglob("*.py")):
        for name in names(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    return found


def names(tree):
    own = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        if isinstance(node.value, ast.Name)
        if node.value.id in ("self", "cls")
    } | {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield node.attr
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(OURS):
            parts = (node.module or "").split(".")
            hidden = [number for number, part in enumerate(parts, 1) if is_private(part)]
            if hidden:
                yield ".".join(parts[: hidden[0]])
            yield from (each.name for each in node.names if is_private(each.name))


def is_private(name):
    dunder = name.startswith("__")
    return name.startswith("_") and not dunder and name not in PUBLIC | PUBLIC_FUNCTIONS


def test_a_private_name_would_be_noticed():
    noticed = set(names(ast.parse("from a._b import c\nfrom a import _d\nx.y._z()\nos._exit(1)")))
    assert noticed == {"a._b", "_d", "_z"}
