"""Make TensorFlow use oneDNN on every processor.

By default it does so only on processors with instructions for neural networks (AVX-512 VNNI and the
like). Without oneDNN, four epochs of a small CNN take 1.6 times the processor time: 32 s instead of
20 s (medians of three runs taken in turn, TensorFlow 2.21 on two cores).
"""

import os


def turn_on_onednn() -> None:
    """Turn oneDNN on; TensorFlow reads this when it is imported.

    Many have it off to be spared TensorFlow's message about it. Other numbers would come of that.
    """
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
