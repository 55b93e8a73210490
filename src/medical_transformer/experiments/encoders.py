"""A pre-trained encoder as the start of a network: which of its weights fit, and putting them in."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.backbones.weights import LoadedWeights, fit_weights, load_weights, read_tensors
from medical_transformer.contracts import Backbone
from medical_transformer.errors import WeightsError
from medical_transformer.tasks import TaskModel, load_model


def load_encoder(backbone: Backbone, folder: Path, pool: int) -> LoadedWeights:
    """Put a pre-trained encoder's weights into a backbone, and say so if it was taught on another grid.

    Args:
        backbone: the network that starts from it.
        folder: of the encoder.
        pool: how the scans are pooled that the network will see.

    Raises:
        WeightsError: if they do not fit, or were taught on other intensities.
    """
    saved, tensors = load_model(folder), read_tensors(folder / "model.safetensors")
    encoder = saved.network
    if isinstance(encoder, TaskModel):
        prefix = "backbone."
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        encoder = encoder.backbone
    refuse_other_intensities(backbone, encoder, str(folder))
    try:
        kept = fit_encoder(backbone, tensors)
        loaded = load_weights(backbone, kept)
    except WeightsError as error:
        raise WeightsError(
            f"{folder}: {error} Its network has other settings than yours: leave --preset and the settings of the "
            f"backbone out, which takes those of {folder / 'config.json'}."
        ) from error
    if len(kept) < len(tensors):
        _say(f"{folder}: {len(tensors) - len(kept)} tensors of its transformer are left out, as the network has none.")
    if saved.pool != pool:
        _say(f"{folder} was taught on scans of pool {saved.pool}, but the network is shown pool {pool}: other voxels.")
    return loaded


def _say(text: str) -> None:
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def refuse_other_intensities(backbone: Backbone, encoder: Backbone, called: str) -> None:
    """Refuse an encoder that was taught on other intensities than a network is shown.

    Args:
        backbone: the network that would start from it.
        encoder: the one whose weights these are.
        called: what the message calls the encoder.

    Raises:
        WeightsError: names both.
    """
    if encoder.intensities != backbone.intensities:
        raise WeightsError(
            f"{called} was taught on {encoder.intensities!r} intensities, but the network is set to "
            f"{backbone.intensities!r} ones; give the backbone the setting `intensities: {encoder.intensities}`."
        )


def fit_encoder(backbone: Backbone, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors of an encoder that a network takes; neither needs values.

    A network without a transformer leaves the encoder's out (Table 5).

    Raises:
        WeightsError: if one does not fit, is missing, or has no place; the message names the first.
    """
    leaves = isinstance(backbone, MedicalTransformer) and backbone.transformer is None
    kept = {name: tensor for name, tensor in tensors.items() if not (leaves and name.startswith("transformer."))}
    own = backbone.state_dict()
    fit_weights(own, kept)
    strange = [name for name in kept if name not in own]
    if strange:
        raise WeightsError(f"{len(strange)} of its tensors have no place in the network, such as {strange[0]!r}.")
    return kept
