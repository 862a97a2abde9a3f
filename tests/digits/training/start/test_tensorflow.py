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
import keras, pandas
found["keras"] = [keras.config.backend(), keras.config.floatx(), keras.config.image_data_format()]
found["users"] = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "KERAS_HOME")}
keras.config.backend = lambda: "torch"
try:
    start_tensorflow(3)
except InputError as error:
    found["imported with torch"] = str(error)
print(json.dumps(found))
print("still here", file=sys.stderr)
"""


USERS_KERAS = {"floatx": "float16", "image_data_format": "channels_first", "epsilon": 1e-3}


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """Return what a user of Keras may have in the environment for projects of his own."""
    home = tmp_path_factory.mktemp("keras")
    (home / "keras.json").write_text(json.dumps(USERS_KERAS))
    return {"KERAS_BACKEND": "torch", "KERAS_HOME": str(home)}


@pytest.fixture(scope="module")
def started(users):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")} | users
    command = [sys.executable, "-c", STARTED]
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=True)


def test_tensorflow_starts_as_asked_for(started):
    found = json.loads(started.stdout)
    assert found["extras"] == []
    assert found["onednn"] == "1"
    assert found["threads"] == 3
    assert found["sum"] == 4


def test_keras_has_its_own_settings_and_the_user_has_his_back(started, users):
    found = json.loads(started.stdout)
    assert found["keras"] == ["tensorflow", "float32", "channels_last"]
    assert found["users"] == users


def test_a_process_that_has_imported_keras_with_another_backend_is_refused_in_one_line(started):
    refused = json.loads(started.stdout)["imported with torch"]
    assert refused.startswith("KERAS_BACKEND=torch: this process has imported Keras")
    assert "\n" not in refused


def test_another_number_of_threads_is_refused_in_one_line(started):
    refused = json.loads(started.stdout)["refused"]
    assert refused.startswith("train.threads=2: ")
    assert "\n" not in refused


def test_its_libraries_say_nothing_and_stderr_is_back_afterwards(started):
    assert started.stderr == "still here\n"
