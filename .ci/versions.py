"""Run the tests on other versions: `make test-versions`, or `.ci/versions.py 3.12 --only lock`.

On each Python that can be found, they run twice: on the versions of requirements.lock, and on the
newest that pyproject.toml allows. A table says what broke. What cannot be tried (no such Python
here, no TensorFlow for it) is a row that says why. Environments are kept in .versions/.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".versions"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
NAMED = ("mlflow", "dvc", "tensorflow", "keras", "numpy", "hydra-core")
BROKEN = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
SUMMARY = re.compile(
    r"^=* ?(.*\b(?:passed|failed|errors?|no tests ran)\b.* in .*?) ?=*$", re.MULTILINE
)
COLUMNS = "| Python | packages | result | what broke |\n|---|---|---|---|"
UV_ERROR = re.compile(r"\b(?:error|cause|hint): ?|[×╰─▶│]")


class UnavailableError(Exception):
    """Something cannot be tried here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A Python with packages, in a folder of its own.

    Attributes:
        python: The Python's version, such as "3.12".
        packages: "lock" or "newest".
    """

    python: str
    packages: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return KEPT / f"{self.python}-{self.packages}"

    def make(self) -> None:
        """Create it, or bring it up to date.

        Raises:
            UnavailableError: There is no such Python here, or no package for it.
        """
        if not (self.folder / "bin" / "python").exists():
            _uv("venv", "--quiet", "--no-project", "--python", self.python, str(self.folder))
        there = ("--quiet", "--compile-bytecode", "--python", str(self.folder / "bin" / "python"))
        if self.packages == "lock":
            _uv("pip", "sync", *there, "requirements.lock")
        else:
            listed = ("--group", "dev", "-r", "pyproject.toml")
            _uv("pip", "install", *there, "--upgrade", *listed)

    def test(self, arguments: list[str]) -> tuple[str, str]:
        """Run the tests; return pytest's summary and the names of the tests that did not pass."""
        binaries = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        command = [str(self.folder / "bin" / "python"), "-m", "pytest", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=os.environ | {"PATH": binaries},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        Path(f"{self.folder}.log").write_text(done.stdout, encoding="utf-8")
        summaries = SUMMARY.findall(done.stdout)
        broken = list(dict.fromkeys(BROKEN.findall(done.stdout)))
        if not summaries:
            return f"pytest ended with {done.returncode}", done.stdout.strip().splitlines()[-1]
        return summaries[-1], "<br>".join(broken) or "nothing"

    def versions(self) -> str:
        """Return what its name cannot say: the versions of the packages that matter most."""
        listed = _uv("pip", "list", "--quiet", "--format=freeze", "--python", str(self.folder))
        found = dict(line.split("==") for line in listed.splitlines() if "==" in line)
        return ", ".join(f"{name} {found[name]}" for name in NAMED if name in found)


def _uv(*arguments: str) -> str:
    """Run uv, which also looks among the Pythons of pyenv; return what it printed.

    Raises:
        UnavailableError: It failed.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    known = sorted(map(str, pyenv.glob("versions/3.1[1-9]*/bin")))
    search = os.pathsep.join([*known, os.environ["PATH"]])
    command = [sys.executable, "-m", "uv", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": search}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise UnavailableError(why(done.stderr))
    return done.stdout


def why(text: str) -> str:
    """Return uv's error, which it draws over several lines, in one line without its warnings."""
    error = text[text.rfind("error:") :] if "error:" in text else text
    return " ".join(UV_ERROR.sub(" ", error).split())[:240]


def rows(environments: list[Environment], arguments: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield a line of the table for each environment, and whether anything broke there."""
    for each in environments:
        try:
            each.make()
            result, broken = each.test(arguments)
            packages = f"{each.packages}: {each.versions()}"
        except UnavailableError as reason:
            packages, result, broken = each.packages, "not tried", str(reason)
        yield (
            f"| {each.python} | {packages} | {result} | {broken} |",
            bool(re.search("failed|error|ended with", result)),
        )


def main() -> int:
    """Run from the command line; return 1 if a test failed anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", nargs="*", default=PYTHONS, help="such as 3.12")
    parser.add_argument("--only", choices=("lock", "newest"), help="try these packages alone")
    parser.add_argument("--tests", default="", help="what to pass to pytest")
    chosen = parser.parse_args()
    kinds = [chosen.only] if chosen.only else ["lock", "newest"]
    environments = [Environment(python, kind) for python in chosen.python for kind in kinds]
    print(COLUMNS, flush=True)
    failed = False
    for row, broke in rows(environments, chosen.tests.split()):
        print(row, flush=True)
        failed |= broke
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
