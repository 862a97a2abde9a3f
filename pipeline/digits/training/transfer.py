"""Start a training from a network that was trained before."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.system.errors import InputError

if TYPE_CHECKING:
    import keras


def weights_file(init_from: str) -> Path | None:
    """Return the file that `train.init_from` names; None if there is none: it names a run then."""
    file = Path(init_from).expanduser()
    return file if file.is_file() else None


def take_weights(model: "keras.Model", path: Path) -> None:
    """Give a network the weights of a saved one, except for a last layer of another shape.

    Args:
        model: Changed in place.
        path: A .keras file of a network with the same layers; its classes may be others.

    Raises:
        InputError: The file cannot be read, or holds another network.
    """
    import keras

    try:
        source = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds for a file that is damaged
        raise InputError(
            f"{path}: not a network that Keras can read; name a .keras file"
        ) from error
    same = len(source.layers) == len(model.layers) and all(
        _shapes(theirs) == _shapes(ours)
        for theirs, ours in zip(source.layers[:-1], model.layers[:-1], strict=True)
    )
    if not same:
        raise InputError(
            f"{path}: holds a network of other layers than the configured one; train.init_from "
            "needs the same `model`"
        )
    for theirs, ours in zip(source.layers, model.layers, strict=True):
        if _shapes(theirs) == _shapes(ours):
            ours.set_weights(theirs.get_weights())


def _shapes(layer: "keras.layers.Layer") -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
