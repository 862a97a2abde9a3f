"""Import everything slow that a trial needs; the fork server of `forkserver.py` loads this module.

Nothing may be computed here: TensorFlow starts its threads with the first operation, and threads
do not survive a fork.
"""

from pipeline.digits.training.start.tensorflow import quick_and_quiet_import
from pipeline.system.environment import turn_off_telemetry
from pipeline.system.garbage import collect_garbage_less_often

turn_off_telemetry()
collect_garbage_less_often()
with quick_and_quiet_import():
    import keras
    import onnx
    import onnxruntime
    import scipy.optimize
    import tensorflow
    import tf2onnx

    import pipeline.experiments.running

__all__ = ["keras", "onnx", "onnxruntime", "pipeline", "scipy", "tensorflow", "tf2onnx"]
