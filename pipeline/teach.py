"""Teach the champion what it read wrong: `digits teach [pictures=data/corrections]`.

Goes on training it on its own data and on labelled pictures together: in folders named 0 to 9, as
the service keeps corrections, or listed in labels.csv. The taught network becomes champion only if
it reads the pictures that are held back better by more than chance, and the test set no worse.
Without a champion, the network in models/ is taught; models/ stays as it is.
"""

import logging
from pathlib import Path

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.config.places import CORRECTIONS, ROOT
from pipeline.config.schema import Config, Options
from pipeline.system.errors import InputError
from pipeline.teaching.learning import Known, Taught, taught
from pipeline.teaching.lesson import Lesson
from pipeline.teaching.parent import Parent, find_parent
from pipeline.tracking.recording.starting import deliver_waiting
from pipeline.tracking.registry.registry import Registry

log = logging.getLogger(__name__)


class TeachOptions(Options):
    """Which labelled pictures to learn from."""

    pictures: str = Field(
        str(CORRECTIONS.relative_to(ROOT)),
        min_length=1,
        description="A folder of pictures: in folders named 0 to 9, or listed in a labels.csv.",
    )


def run(config: Config, options: TeachOptions) -> None:
    """Teach a network, register it, and make it the champion if it is better.

    Raises:
        InputError: Runs are not recorded, so there is nothing to teach and nowhere to keep it.
    """
    if not config.tracking.enabled:
        raise InputError("tracking.enabled=false: a network is taught, and kept, in MLflow")
    lesson = Lesson.read(Path(options.pictures).expanduser())
    known = Known.load()
    deliver_waiting(config.tracking)
    parent = find_parent(config)
    log.info("teaching %s (%s)", parent.name, parent.run_id)
    with taught(parent, lesson, known) as pupil:
        log.info("%s", pupil.verdict.held_back.in_words("corrections held back"))
        log.info("%s", pupil.verdict.test.in_words(f"test pictures of {known.info.name}"))
        register(config, parent, pupil)


def register(config: Config, parent: Parent, pupil: Taught) -> None:
    """Register a taught network, and make it the champion if it is better.

    Raises:
        InputError: Another network has become champion meanwhile.
    """
    registry = Registry.open(config.tracking)
    candidate = registry.candidates.find(pupil.run_id)
    version = registry.versions.find_or_create(
        candidate, pupil.network, config.predict.unsure_below
    )
    decision = pupil.verdict.decide(version, parent.version)
    champion = registry.champions.current()
    if champion != parent.version:
        raise InputError(
            f"champion has become version {champion} meanwhile, and stays it; version {version} "
            "was compared with the one before; teach again"
        )
    registry.versions.describe(version, candidate, decision, None)
    if pupil.verdict.wins:
        registry.champions.set_champion(version)
    log.info("%s", decision)


def main() -> None:
    """Run from the command line."""
    run_tool(TeachOptions, run, __doc__)


if __name__ == "__main__":
    main()
