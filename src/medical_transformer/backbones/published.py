"""Loading weights that others published into a backbone, with an account of every tensor."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from medical_transformer.backbones.baselines import Baseline, Translation
from medical_transformer.backbones.origins import Origin, known_of, origin_of
from medical_transformer.backbones.published_files import find, read_published
from medical_transformer.backbones.registry import BACKBONES, MEASUREMENTS
from medical_transformer.backbones.undrawn import last_layers
from medical_transformer.backbones.weights import LoadedWeights, fit_weights, load_weights
from medical_transformer.contracts import Backbone
from medical_transformer.errors import WeightsError

# Files of PyTorch 0.3 lack this counter, and nothing here reads it.
MAY_LACK = ("num_batches_tracked",)
COUNTER = "not in the file: counters of batches, which nothing reads"


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """What became of a published file.

    Attributes:
        origin: the file, its checksum and its terms.
        account: every tensor of network and file.
        reasons: why a tensor was adapted, or why one of the file has no use here.
        taught_on: which intensities it was taught on, and which the network shows it; empty for a decoder.
    """

    origin: Origin
    account: LoadedWeights
    reasons: Mapping[str, str]
    taught_on: str = ""

    def rows(self) -> list[tuple[str, str, str]]:
        """Return for every tensor its name, what became of it, and why."""
        account = self.account
        kinds = {"loaded": account.loaded, "adapted": account.adapted, "new": account.new, "unused": account.unused}
        return [(name, kind, self.reasons.get(name, "")) for kind, names in kinds.items() for name in names]

    def __str__(self) -> str:
        groups: dict[tuple[str, str], list[str]] = {}
        for name, kind, reason in self.rows():
            groups.setdefault((kind, reason), []).append(name)
        lines = [f"  {kind:8}{len(names):4}  {reason or names[0]}" for (kind, reason), names in groups.items()]
        head = [f"Weights {self.origin.file}, sha256 {self.origin.sha256}", f"  {self.origin.terms}"]
        return "\n".join([*head, *([f"  {self.taught_on}"] if self.taught_on else []), *lines])


@dataclass(frozen=True, slots=True)
class _Opened:
    """A published file whose tensors have this package's names."""

    path: Path
    origin: Origin
    translation: Translation

    @property
    def _parts(self) -> Mapping[str, Mapping[str, Tensor]]:
        return {"backbone": self.translation.backbone, "decoder": self.translation.decoder}

    def load(self, module: nn.Module, part: str, new: Collection[str] = ()) -> PublishedWeights:
        """Put the backbone's or the decoder's tensors into a module; the others are unused there, `new` stay new."""
        self.check(module, part, new)
        parts = dict(self._parts)
        try:
            account = load_weights(module, parts.pop(part), may_lack=(*MAY_LACK, *new))
        except WeightsError as error:
            raise WeightsError(f"{self.path}: {error}") from error
        others = {name: f"of the {other}" for other, names in parts.items() for name in names}
        return self._account(account, {**others, **self.translation.left})

    def check(self, module: nn.Module, part: str, new: Collection[str] = ()) -> None:
        """Look whether the backbone's or the decoder's tensors fit a module, which needs no values."""
        tensors, own = self._parts[part], module.state_dict()
        strange = [name for name in tensors if name not in own]
        if strange:
            raise WeightsError(
                f"{self.path}: the network has no place for {strange[0]!r} ({len(strange)} such tensors)."
            )
        try:
            fit_weights(own, tensors, may_lack=(*MAY_LACK, *new))
        except WeightsError as error:
            hint = "Give the backbone the settings of the file's network, or another file."
            raise WeightsError(f"{self.path}: {error} {hint}") from error

    def _account(self, account: LoadedWeights, unused: Mapping[str, str]) -> PublishedWeights:
        changed = self.translation.adapted
        loaded = tuple(name for name in account.loaded if name not in changed)
        adapted = tuple(name for name in (*account.loaded, *account.adapted) if name not in loaded)
        reasons = {
            **dict.fromkeys(loaded, "as they are"),
            **{name: COUNTER if name.endswith(MAY_LACK) else "not in the file" for name in account.new},
            **unused,
            **{name: _changes(changed.get(name), repeated=name in account.adapted) for name in adapted},
        }
        whole = LoadedWeights(loaded, adapted, account.new, tuple(unused))
        return PublishedWeights(self.origin, whole, reasons)


def _changes(translated: str | None, *, repeated: bool) -> str:
    """Say all that was done to a tensor, in order."""
    return ", ".join(filter(None, (translated, "repeated for every modality" if repeated else None)))


def load_published(name: str, backbone: Backbone, given: str) -> PublishedWeights:
    """Load a published file into a backbone.

    Args:
        name: the backbone's name in the registry.
        backbone: the network; changed in place.
        given: a file, or a name of `KNOWN`, which is fetched from its publisher.

    Raises:
        WeightsError: if the file cannot be had or read, is another network's, or loading would change nothing.
    """
    loaded = _open(name, backbone, given).load(backbone, "backbone")
    return replace(loaded, taught_on=known_of(given, BACKBONES[name].meets(backbone.intensities)))


def check_published(name: str, backbone: Backbone, given: str, decoder: nn.Module | None = None) -> None:
    """Look whether a published file fits a backbone and its decoder, and load nothing; they need no values.

    Raises:
        WeightsError: if the file cannot be had or read, is another network's, or does not fit.
    """
    opened = _open(name, backbone, given)
    opened.check(backbone, "backbone")
    if decoder is not None and opened.translation.decoder:
        opened.check(decoder, "decoder", last_layers(backbone))


def load_published_decoder(name: str, backbone: Backbone, given: str, decoder: nn.Module) -> PublishedWeights | None:
    """Load the decoder of a published file; its last layers stay new. None if the file has no decoder.

    Raises:
        WeightsError: if the file holds a part of a decoder only.
    """
    opened = _open(name, backbone, given)
    return opened.load(decoder, "decoder", last_layers(backbone)) if opened.translation.decoder else None


def _open(name: str, backbone: Backbone, given: str) -> _Opened:
    if name in MEASUREMENTS:
        raise WeightsError(f"Backbone {name!r} measures and learns nothing, so it has no weights; leave {given!r} out.")
    if not isinstance(backbone, Baseline):
        raise WeightsError(f"No published weights of backbone {name!r} are known; start from `--encoder` instead.")
    path = find(given, name)
    try:
        translation = backbone.translate(read_published(path))
    except WeightsError as error:
        raise error if str(error).startswith(str(path)) else WeightsError(f"{path}: {error}") from error
    return _Opened(path, origin_of(given, name), translation)
