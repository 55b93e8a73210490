"""Models by name: those that come with the package, wherever a model folder is asked for."""

from pathlib import Path

from medical_transformer.errors import WeightsError

SHIPPED = Path(__file__).parents[1] / "models"


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models that come with the package, sorted."""
    return tuple(sorted(config.parent.name for config in SHIPPED.glob("*/config.json")))


def place_of(named: str | Path, *, beside: Path = Path()) -> Path:
    """Return where a model should lie: in the folder of that name if it holds one, or with the package.

    Args:
        named: a model folder, or the name of a model that comes with the package.
        beside: the folder that a relative path is seen from.
    """
    folder = beside / named
    by_name = str(named) in shipped_models() and not _is_model(folder)
    return SHIPPED / named if by_name else folder


def find_model(named: str | Path) -> Path:
    """Return the folder of a model, given by folder or by name.

    Raises:
        WeightsError: if there is neither, with the names that exist.
    """
    folder = place_of(named)
    if not _is_model(folder):
        found = (
            f"{named} is no model folder: it has no config.json with a model.safetensors"
            if folder.is_dir()
            else f"No model {str(named)!r}"
        )
        names = ", ".join(shipped_models()) or "none"
        raise WeightsError(f"{found}. Give a model folder, or a name of `medtrans models`; there are: {names}.")
    return folder


def lasting_name(named: str | Path) -> str:
    """Return what to write down of a model so that it is found again from anywhere: its name, or its whole path."""
    folder = find_model(named)
    return str(named) if folder.parent == SHIPPED else str(folder.resolve())


def _is_model(folder: Path) -> bool:
    # Runs have a config.json too, and a run of an evaluation may well be called `sex`.
    return (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()
