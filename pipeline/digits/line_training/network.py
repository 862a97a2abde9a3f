"""The Keras network that reads a whole line: convolutions over the strip, then along it."""

from typing import TYPE_CHECKING

from pipeline.digits.recognition.lines.format import HEIGHT, NONE, STEP, STRIDE

if TYPE_CHECKING:
    import keras

FILTERS = (24, 48, 64)  # of the convolutions after the first; each halves the height
FIRST_FILTERS = 16
FILTERS_ALONG = 128
DILATIONS = (1, 2, 4)  # of the convolutions along the line: the last looks some 30 columns around
MOMENTUM = 0.97  # of the running means; with Keras's 0.99 they lag behind at first


def line_network() -> "keras.Model":
    """Return a new network.

    It takes uint8 (batch, HEIGHT, w), dark on light, w a multiple of STEP, and gives probabilities,
    float32 (batch, w / STRIDE, NONE + 1): of each digit having its middle there, and of none.
    """
    import keras

    layers = keras.layers
    pixels = keras.Input((HEIGHT, None), dtype="uint8", name="pixels")
    # Paper becomes 0, as what lies beyond the strip is.
    ink = layers.Rescaling(-1 / 255, offset=1.0, name="ink")(pixels)
    seen = layers.Reshape((HEIGHT, -1, 1))(ink)
    seen = _convolved(seen, layers.Conv2D(FIRST_FILTERS, 5, 2, "same", use_bias=False))
    for number, filters in enumerate(FILTERS):
        seen = _convolved(seen, layers.Conv2D(filters, 3, padding="same", use_bias=False))
        seen = layers.MaxPooling2D((2, 1 if number else 2))(seen)
    _, height, _, filters = seen.shape
    along = layers.Reshape((-1, height * filters))(layers.Permute((2, 1, 3))(seen))
    along = _convolved(along, layers.Conv1D(FILTERS_ALONG, 3, padding="same", use_bias=False))
    for dilation in DILATIONS:
        convolution = layers.Conv1D(
            FILTERS_ALONG, 5, padding="same", dilation_rate=dilation, use_bias=False
        )
        along = layers.Add()([along, _convolved(along, convolution)])
    answers = layers.Dense(STEP // STRIDE * (NONE + 1))(along)
    answers = layers.Reshape((-1, NONE + 1))(answers)
    return keras.Model(pixels, layers.Softmax(name="probabilities")(answers), name="lines")


def _convolved(answers: "keras.KerasTensor", convolution: "keras.Layer") -> "keras.KerasTensor":
    import keras

    normalised = keras.layers.BatchNormalization(momentum=MOMENTUM)(convolution(answers))
    return keras.layers.Activation("relu")(normalised)
