"""The plan of a training: every setting that determines how a network learns."""

from dataclasses import dataclass
from typing import Literal

from pipeline.digits.training.augmentation import Distortion


@dataclass(frozen=True)
class TrainingPlan:
    """How a network learns, apart from the network, its optimiser and the pictures.

    Attributes:
        epochs: Maximum number of passes over the pictures; >= 1.
        batch_size: Pictures per step; >= 1.
        seed: Determines the order of the pictures, their distortion and the drawings.
        distortion: How far the pictures are distorted, anew in every epoch; None leaves them as
            they are.
        drawn_share: Share of the pictures, 0..1, that are replaced by digits of other hands,
            different ones in every epoch: half are drawn from strokes, half are training pictures
            redrawn wider, narrower or coarser. For digits of 28 x 28 pixels only.
        other_share: The same for letters, shapes and scribbles, on which the network learns to
            give every class the same probability ("outlier exposure", Hendrycks, Mazeika &
            Dietterich, ICLR 2019).
        sharpness_radius: How far each step moves the weights up the gradient before it takes the
            gradient that counts: rho of "sharpness-aware minimization" (Foret, Kleiner, Mobahi &
            Neyshabur, ICLR 2021). A step then costs twice as much. 0 turns this off.
        jit_compile: Whether XLA compiles the steps; "auto": where that was measured to be faster.
        patience: Stop after this many epochs without a better validation accuracy (or the same
            accuracy at a lower loss), and restore the best epoch's weights. None trains all epochs
            and keeps the last weights.
    """

    epochs: int
    batch_size: int
    seed: int
    distortion: Distortion | None = None
    drawn_share: float = 0.0
    other_share: float = 0.0
    sharpness_radius: float = 0.0
    jit_compile: bool | Literal["auto"] = "auto"
    patience: int | None = None
