"""Networks that read digits: raw pixels in, one probability for each class out.

Every builder takes `input_shape` and `classes` from the data, and all other parameters from the
configuration. The networks take uint8 pixels of shape (batch, height, width), 0..255, scale them
to 0..1 themselves, and give float32 probabilities of shape (batch, classes).
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    import keras

Activation = Literal["relu", "gelu", "silu", "elu", "selu", "leaky_relu", "tanh", "sigmoid"]
Dropout = Annotated[float, Field(ge=0, lt=1)]
HiddenUnits = Annotated[
    list[Annotated[int, Field(ge=1, le=16_384)]], Field(min_length=1, max_length=20)
]
# Every entry halves the picture, and 28 pixels can be halved four times.
Filters = Annotated[list[Annotated[int, Field(ge=1, le=1_024)]], Field(min_length=1, max_length=4)]
DenseUnits = Annotated[list[Annotated[int, Field(ge=1, le=16_384)]], Field(max_length=20)]


def mlp(
    input_shape: tuple[int, int],
    classes: int,
    *,
    hidden_units: HiddenUnits,
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    batch_norm: bool = False,
) -> "keras.Model":
    """Build a multi-layer perceptron: dense layers one after the other.

    Args:
        input_shape: Height and width of a picture in pixels.
        classes: How many classes there are.
        hidden_units: Units of each hidden layer, from the first to the last.
        activation: Activation function of each hidden layer.
        dropout: Share of each hidden layer's outputs that is dropped while training.
        batch_norm: Whether each hidden layer is normalised over the batch (Ioffe & Szegedy 2015).
    """
    import keras

    pixels, scaled = _pixels(input_shape)
    hidden = keras.layers.Flatten()(scaled)
    for units in hidden_units:
        hidden = _dense_block(hidden, units, activation, dropout, batch_norm)
    return _classifier(pixels, hidden, classes, "mlp")


def cnn(
    input_shape: tuple[int, int],
    classes: int,
    *,
    filters: Filters,
    convolutions: Annotated[int, Field(ge=1, le=5)] = 2,
    dense_units: DenseUnits,
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    batch_norm: bool = True,
    global_pooling: bool = False,
) -> "keras.Model":
    """Build a convolutional network: blocks of 3x3 convolutions, then dense layers.

    Each block halves the picture right after its first convolution (as in Jordan 2024, "94% on
    CIFAR-10 in 3.29 seconds on a single GPU"), so that everything after it costs a quarter.

    Args:
        input_shape: Height and width of a picture in pixels.
        classes: How many classes there are.
        filters: Filters of the convolutions of each block.
        convolutions: How many convolutions a block has.
        dense_units: Units of each dense layer between the blocks and the output; may be empty.
        activation: Activation function of each convolution and dense layer.
        dropout: Share that is dropped while training, of the inputs of each dense layer and of the
            outputs of the last one.
        batch_norm: Whether each convolution and dense layer is normalised over the batch.
        global_pooling: Whether each filter of the last block gives its mean over the picture (Lin,
            Chen & Yan, "Network in network", ICLR 2014) and not every pixel, which saves most
            weights of the next layer.
    """
    import keras

    pixels, scaled = _pixels(input_shape)
    hidden = keras.layers.Reshape((*input_shape, 1))(scaled)
    for width in filters:
        for number in range(convolutions):
            layer = keras.layers.Conv2D(width, 3, padding="same", use_bias=not batch_norm)
            hidden = layer(hidden)
            if number == 0:
                hidden = keras.layers.MaxPooling2D(padding="same")(hidden)
            hidden = _activated(hidden, activation, batch_norm)
    flat = keras.layers.GlobalAveragePooling2D() if global_pooling else keras.layers.Flatten()
    hidden = _dropped(flat(hidden), dropout)
    for units in dense_units:
        hidden = _dense_block(hidden, units, activation, dropout, batch_norm)
    return _classifier(pixels, hidden, classes, "cnn")


def _pixels(input_shape: tuple[int, int]) -> "tuple[keras.KerasTensor, keras.KerasTensor]":
    """Return the input, and its pixels scaled to 0..1."""
    import keras

    pixels = keras.Input(tuple(input_shape), dtype="uint8", name="pixels")
    return pixels, keras.layers.Rescaling(1 / 255, name="scaled")(pixels)


def _dense_block(
    hidden: "keras.KerasTensor", units: int, activation: str, dropout: float, batch_norm: bool
) -> "keras.KerasTensor":
    import keras

    dense = keras.layers.Dense(units, use_bias=not batch_norm)(hidden)
    return _dropped(_activated(dense, activation, batch_norm), dropout)


def _activated(
    hidden: "keras.KerasTensor", activation: str, batch_norm: bool
) -> "keras.KerasTensor":
    import keras

    if batch_norm:
        hidden = keras.layers.BatchNormalization()(hidden)
    return keras.layers.Activation(activation)(hidden)


def _dropped(hidden: "keras.KerasTensor", dropout: float) -> "keras.KerasTensor":
    import keras

    return keras.layers.Dropout(dropout)(hidden) if dropout else hidden


def _classifier(
    pixels: "keras.KerasTensor", hidden: "keras.KerasTensor", classes: int, name: str
) -> "keras.Model":
    import keras

    probabilities = keras.layers.Dense(classes, activation="softmax", name="probabilities")(hidden)
    return keras.Model(pixels, probabilities, name=name)
