"""Every commit that Git still has counts, whatever else is broken in it."""

import subprocess

import pytest

from pipeline.leftovers.commits import hashes_of_commits

HERE, BEFORE, EXPERIMENT, AMENDED = ("0123456789abcdef" * 2, "a" * 32, "b" * 32, "c" * 32)


@pytest.fixture
def git(tmp_path, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b.invalid")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def run(*command):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)

    return run


def lock(folder, name):
    text = f"stages:\n  train:\n    outs:\n    - path: x\n      hash: md5\n      md5: {name}\n"
    (folder / "dvc.lock").write_text(text)


def commit(git, folder, name, *options):
    lock(folder, name)
    git("add", "-A")
    git("commit", "-qm", name, *options)


def test_the_checkout_all_commits_and_dvcs_experiments_count(git, tmp_path):
    git("init", "-q")
    commit(git, tmp_path, AMENDED)
    commit(git, tmp_path, f"{BEFORE}.dir", "--amend")
    commit(git, tmp_path, EXPERIMENT)
    git("update-ref", "refs/exps/12/345/experiment", "HEAD")
    git("reset", "-q", "--hard", "HEAD~1")
    lock(tmp_path, HERE)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.dvc").write_text(f"outs:\n- md5: {'d' * 32}.dir\n  path: own\n")
    found = hashes_of_commits(tmp_path)
    assert found == {HERE, f"{BEFORE}.dir", EXPERIMENT, AMENDED, f"{'d' * 32}.dir"}


def test_without_a_repository_the_checkout_counts(git, tmp_path):
    lock(tmp_path, HERE)
    assert hashes_of_commits(tmp_path) == {HERE}


def test_a_repository_that_cannot_be_read_is_an_error(git, tmp_path):
    git("init", "-q")
    commit(git, tmp_path, HERE)
    for file in (tmp_path / ".git" / "objects").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(OSError, match="git rev-list"):
        hashes_of_commits(tmp_path)
