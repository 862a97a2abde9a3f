"""Compose conf/ with Hydra."""

import yaml
from omegaconf import DictConfig, OmegaConf

from pipeline.config.places import CONF_DIR
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError, in_one_line

# Raised on reading a file that is not YAML.
UNREADABLE = (yaml.YAMLError, UnicodeDecodeError)


def compose(overrides: list[str], name: str = "config") -> Tree:
    """Compose a configuration from conf/, as the commands and `dvc exp run` do.

    Raises:
        hydra.errors.HydraException: An override does not fit the configuration.
        InputError: A file in conf/ is not YAML.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            return to_tree(hydra_compose(name, overrides=overrides))
    except UNREADABLE as error:
        raise broken_conf(error) from error
    finally:
        GlobalHydra.instance().hydra = running


def broken_conf(error: Exception) -> InputError:
    """Return the error to raise if a file in conf/ cannot be read."""
    return InputError(
        f"{CONF_DIR}: holds a file that is not YAML ({in_one_line(error, 300)}); fix it"
    )


def to_tree(config: DictConfig) -> Tree:
    """Resolve a Hydra configuration into plain dicts, lists and scalars."""
    tree = OmegaConf.to_container(config, resolve=True)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}
