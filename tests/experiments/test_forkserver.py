"""The process that trials are forked from: a guard for the private names of Python's that it needs.

These tests run on every Python that the project supports. Where one fails, sweeps still work, but
after reading a folder of pictures each trial imports TensorFlow itself.
"""

import multiprocessing
import sys
from multiprocessing import forkserver

import pytest

from pipeline.experiments import forkserver as module


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """Import something light instead of TensorFlow; leave no server behind."""
    monkeypatch.setattr(module, "PRELOADED", ["this"])
    forkserver._forkserver._stop()
    yield
    forkserver._forkserver._stop()
    forkserver.set_forkserver_preload(["__main__"])  # as Python begins


def imported():
    return set(sys.modules)


def imported_by_a_fork():
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        return pool.apply(imported)


def server_pid():
    return forkserver._forkserver._forkserver_pid


def test_one_server_is_started_for_all_trials():
    module.start_forkserver()
    first = server_pid()
    module.start_forkserver()
    assert server_pid() == first
    assert "this" in imported_by_a_fork()


def test_a_server_with_other_modules_makes_room():
    forkserver.set_forkserver_preload(["csv"])  # as for those who read a folder of pictures
    forkserver.ensure_running()
    module.start_forkserver()
    assert "this" in imported_by_a_fork()


def test_without_the_private_names_trials_are_forked_from_the_server_there_is(monkeypatch):
    forkserver.set_forkserver_preload(["csv"])
    forkserver.ensure_running()
    with monkeypatch.context() as patch:
        patch.delattr(forkserver, "_forkserver")
        module.start_forkserver()
    assert "this" not in imported_by_a_fork()
