"""Start a training with the weights of a network that was trained before."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.system.errors import InputError
from pipeline.system.files import refuse_bomb, typed_path

if TYPE_CHECKING:
    import keras


def weights_file(init_from: str) -> Path | None:
    """Return the file that `train.init_from` names; None if it names an MLflow run."""
    file = typed_path(init_from)
    return file if file.is_file() else None


def take_weights(model: "keras.Model", path: Path) -> None:
    """Copy the weights of a saved network, except for those of a last layer of another shape.

    Args:
        model: The network to change, in place.
        path: A .keras file of a network with the same layers, but perhaps other classes.

    Raises:
        InputError: The file cannot be read, or its network has other layers.
    """
    import keras

    try:
        if path.suffix != ".keras":  # in other formats, Keras runs code that the file holds
            raise ValueError("not a .keras file")
        refuse_bomb(path)
        source = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a file that is damaged
        raise InputError(
            f"{path}: not a network that Keras can read; name a .keras file"
        ) from error
    same = len(source.layers) == len(model.layers) and all(
        _shapes(saved) == _shapes(layer)
        for saved, layer in zip(source.layers[:-1], model.layers[:-1], strict=True)
    )
    if not same:
        raise InputError(
            f"{path}: the network has other layers than the configured one; train.init_from needs "
            "the same `model`"
        )
    for saved, layer in zip(source.layers, model.layers, strict=True):
        if _shapes(saved) == _shapes(layer):
            layer.set_weights(saved.get_weights())


def _shapes(layer: "keras.layers.Layer") -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
