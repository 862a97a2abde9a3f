"""TensorFlow starts lean, quiet and with the threads asked for, and leaves the process usable."""

import json
import os
import subprocess
import sys

import pytest

STARTED = """
import json, os, sys
from pipeline.digits.training.start.tensorflow import start_tensorflow
from pipeline.system.errors import InputError
start_tensorflow(3)
import tensorflow as tf
found = {
    "extras": sorted({"sklearn", "pandas", "matplotlib"} & set(sys.modules)),
    "onednn": os.environ["TF_ENABLE_ONEDNN_OPTS"],
    "threads": tf.config.threading.get_intra_op_parallelism_threads(),
    "sum": int(tf.reduce_sum(tf.ones(4))),
}
try:
    start_tensorflow(2)
except InputError as error:
    found["refused"] = str(error)
import pandas
print(json.dumps(found))
print("still here", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def started():
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    command = [sys.executable, "-c", STARTED]
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=True)


def test_tensorflow_starts_as_asked_for(started):
    found = json.loads(started.stdout)
    assert found["extras"] == []
    assert found["onednn"] == "1"
    assert found["threads"] == 3
    assert found["sum"] == 4


def test_another_number_of_threads_is_refused_in_one_line(started):
    refused = json.loads(started.stdout)["refused"]
    assert refused.startswith("train.threads=2: ")
    assert "\n" not in refused


def test_its_libraries_say_nothing_and_stderr_is_back_afterwards(started):
    assert started.stderr == "still here\n"
