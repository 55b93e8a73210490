"""The decoder that a restoration taught together with its backbone: kept beside the encoder, for a segmentation.

Models Genesis' published network goes on with it (doi 10.1016/j.media.2020.101840). Only its last layers are new, those
whose size follows the number of outputs: they made intensities of the features, and are to make classes now.
"""

import shutil
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from medical_transformer.backbones import PublishedWeights
from medical_transformer.backbones.origins import Origin
from medical_transformer.backbones.published_files import checksum
from medical_transformer.backbones.undrawn import last_layers
from medical_transformer.backbones.weights import fit_weights, load_weights, read_tensors, write_tensors
from medical_transformer.contracts import Backbone, Decoder
from medical_transformer.errors import WeightsError
from medical_transformer.pretraining import Pretext, Restoration
from medical_transformer.tasks import TaskModel

DECODER_FILE = "decoder.safetensors"


def keep_decoder(objective: Pretext[Any], folder: Path) -> None:
    """Write the decoder of a restoration into its encoder's folder, without the last layers; other tasks have none.

    The linear layer of a backbone without a decoder of its own is a last layer and nothing else, so it is not kept.
    """
    if not isinstance(objective, Restoration) or not isinstance(objective.decoder, Decoder):
        return
    backbone = objective.backbone
    last = last_layers(backbone, backbone.in_channels)
    tensors = objective.decoder.state_dict()
    write_tensors(
        {name: tensors[name].detach().contiguous() for name in tensors if name not in last}, folder / DECODER_FILE
    )


def start_decoder(model: TaskModel, folder: Path) -> PublishedWeights | None:
    """Put the decoder of an encoder's folder into a model that segments with a decoder of the same network.

    Returns:
        what became of every tensor; None where the folder has no decoder or the model has no use for one.

    Raises:
        WeightsError: if it is there but does not fit, or has other tensors than all but the last layers.
    """
    tensors, path = fit_decoder(model.backbone, model.head, folder), folder / DECODER_FILE
    if tensors is None:
        return None
    try:
        account = load_weights(model.head, tensors, may_lack=last_layers(model.backbone))
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    reasons = {
        **dict.fromkeys(account.loaded, "of the decoder that was pre-trained with the encoder"),
        **dict.fromkeys(account.adapted, "repeated for every modality"),
        **dict.fromkeys(account.new, "made intensities, makes classes now"),
    }
    return PublishedWeights(Origin(path.name, checksum(path), f"Pre-trained beside {folder}."), account, reasons)


def fit_decoder(backbone: Backbone, head: nn.Module | None, folder: Path) -> dict[str, Tensor] | None:
    """Read the decoder of an encoder's folder, and look whether it fits a network's own.

    Whatever fits, fits any number of regions: the last layers are not among its tensors.

    Args:
        backbone: the network; it needs no values.
        head: its decoder, without values or with them; no other head has a use for the file.
        folder: of the encoder.

    Returns:
        the tensors; None where the folder has no decoder or the network has no use for one.

    Raises:
        WeightsError: if it does not fit, or has other tensors than all but the last layers.
    """
    path = folder / DECODER_FILE
    if not isinstance(head, Decoder) or not path.is_file():
        return None
    tensors, own, last = read_tensors(path), head.state_dict(), last_layers(backbone)
    strange = sorted(set(tensors) - (set(own) - last))
    if strange:
        raise WeightsError(f"{path}: the decoder has no place for {strange[0]!r} ({len(strange)} such tensors).")
    try:
        fit_weights(own, tensors, may_lack=last)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return tensors


def copy_decoder(folder: Path, out: Path) -> None:
    """Take the decoder along with an encoder that is copied."""
    if (folder / DECODER_FILE).is_file():
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / DECODER_FILE, out / DECODER_FILE)
