"""Show how far a trial is, for those that take long."""

from statistics import median

from pipeline.digits.training.state import Epoch
from pipeline.experiments.trial import EpochCallback, Trial
from pipeline.system.progress import Progress, duration


def followed(on_epoch: EpochCallback, shown: Progress) -> EpochCallback:
    """Return a callback that also shows a trial's epochs, and the time that they will yet take.

    Args:
        on_epoch: Called for every epoch of every trial.
        shown: Shows it, besides the trials that are done.
    """
    seconds: dict[str, list[float]] = {}

    def show(trial: Trial, epoch: Epoch) -> bool:
        taken = seconds.setdefault(trial.key, [])
        taken.append(epoch.seconds)
        epochs = trial.config["train"]["epochs"]
        # The first epoch also compiles the network, so the median is fairer than the mean.
        left = duration(median(taken) * (epochs - epoch.epoch))
        shown.detail(f"{trial.name}: epoch {epoch.epoch}/{epochs}, about {left} left")
        return on_epoch(trial, epoch)

    return show
