"""PostgreSQL and MLflow's server on this machine, for as long as a test runs."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.projects import answers, free_port, wait_for

ADMIN = ("admin", "a-long-password")
DEBIANS = Path("/usr/lib/postgresql")


class Postgres:
    """A PostgreSQL server that listens in a folder alone; its programs run as its owner."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = max(DEBIANS.glob("*/bin"), default=None)
        if self.programs is None:
            pytest.skip("Debian's package postgresql is not installed")
        self.as_user = []
        if os.getuid() == 0:  # as whom PostgreSQL refuses to run
            self.as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            shutil.chown(folder, "nobody", "nogroup")

    def run(self, program, *arguments, given=None):
        """Run one of its programs; return what it prints."""
        # Into files: the server keeps what it is given for as long as it runs.
        with tempfile.TemporaryFile("w+") as printed, (self.folder / "log").open("a") as log:
            subprocess.run(
                [*self.as_user, self.programs / program, *arguments], check=True, stdout=printed,
                stderr=log, cwd=self.folder, input=given, text=True,
            )  # fmt: skip
            printed.seek(0)
            return printed.read()

    def database(self, name):
        """Create a database; return its URL."""
        self.run("createdb", "-h", self.folder, "-U", "digits", name)
        return f"postgresql+psycopg://digits@/{name}?host={self.folder}"


@contextmanager
def postgres():
    pytest.importorskip("psycopg", reason="the extra postgresql is not installed")
    with tempfile.TemporaryDirectory() as name:
        server = Postgres(Path(name))
        data = server.folder / "data"
        server.run("initdb", "-D", data, "-A", "trust", "-U", "digits")
        options = f"-k {name} -c listen_addresses="
        server.run("pg_ctl", "-D", data, "-w", "-o", options, "start")
        try:
            yield server
        finally:
            server.run("pg_ctl", "-D", data, "-m", "immediate", "stop")


CONFIG = """\
[mlflow]
default_permission = EDIT
database_uri = {users}
admin_username = {admin}
auth_cache_ttl_seconds = 60
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@contextmanager
def mlflow_server(folder, runs, users):
    """Start the server of docs/team-server.md; yield its address.

    Args:
        folder: Where it keeps artifacts.
        runs: The URL of the database of runs.
        users: The URL of the database of users.
    """
    pytest.importorskip("flask_wtf", reason="the extra server is not installed")
    config, port = folder / "users.ini", free_port()
    config.write_text(CONFIG.format(users=users, admin=ADMIN[0]))
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", runs, "--serve-artifacts"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    env = without_mlflow(os.environ) | {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-secret-of-this-test",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{address}/health") or process.poll() is not None, 240)
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def without_mlflow(environment):
    return {key: value for key, value in environment.items() if not key.startswith("MLFLOW")}
