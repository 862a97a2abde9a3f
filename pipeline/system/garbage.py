"""Have Python look for garbage less often.

Importing TensorFlow or MLflow makes a million objects that stay. Python looks through them again
and again as they come, and through all of them once more at its end. Processor seconds with this
file and without (medians of pairs by turns, 2 busy cores): `import tensorflow, keras` 3.3 and 5.0,
`import mlflow` 1.2 and 1.7, `python -m pipeline.stages.predict_custom --help` 0.95 and 1.10.
"""

import atexit
import gc

# New objects after which Python looks for garbage; of itself after 700.
GC_THRESHOLD = 50_000


def collect_garbage_less_often() -> None:
    """Look for garbage less often, and not at the end; for processes of our own."""
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    atexit.register(gc.freeze)
