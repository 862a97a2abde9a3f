"""MLflow's server, which can be killed, stopped and brought back at the same address."""

import os
import signal
import subprocess
import sys

from support.projects import answers, free_port, wait_for


class MlflowServer:
    """`mlflow server` on a store of its own, for as long as a block runs.

    Attributes:
        address: Where it answers while it is up.
    """

    def __init__(self, folder):
        self._folder, self._port = folder, free_port()
        self.address = f"http://127.0.0.1:{self._port}"

    def __enter__(self):
        self.start()
        self.wait_until_up()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--port", str(self._port)),
                *("--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder}/server.db"),
                *("--artifacts-destination", str(self._folder / "artifacts")),
            ],
            cwd=self._folder,
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until_up(self):
        wait_for(lambda: answers(f"{self.address}/health"), 240)

    def signal(self, number):
        """Send a signal to all of its processes."""
        os.killpg(self._process.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self._process.wait()
