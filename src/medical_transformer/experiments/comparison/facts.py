"""What tables and protocol say of each method beside its scores."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medical_transformer.backbones import BackboneEntry, build_backbone, find_backbone
from medical_transformer.backbones.origins import called, known_of
from medical_transformer.backbones.registry import MEASUREMENTS
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.cohorts.tables import read_json
from medical_transformer.contracts import Backbone
from medical_transformer.evaluation import MethodFacts, Trial, often
from medical_transformer.experiments.comparison.config import (
    ClassicalMethod,
    ComparisonConfig,
    Method,
    NetworkMethod,
    ProbeMethod,
)
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.experiments.inherited import pretrained_by, weights_of_others
from medical_transformer.experiments.methods import printed_sizes
from medical_transformer.experiments.pretext_tasks import METHODS
from medical_transformer.tasks import find_model

# They decide where and how often something is written, and not a number.
UNTOLD = {"device", "compile", "checkpoint_minutes", "seed"}


def facts_about_methods(config: ComparisonConfig, trials: Sequence[Trial]) -> tuple[MethodFacts, ...]:
    """Return what tables say of each method beside its scores."""
    facts = []
    for name, method in config.methods.items():
        own = [trial for trial in trials if trial.method == name]
        facts.append(
            MethodFacts(
                name=name,
                title=method.title or name,
                group=group_of(config, name),
                parameters={one.task: one.result.parameters for one in own if one.result.parameters},
                printed=_printed(method),
                notes=(*method.notes, *_particulars(config, name, own), *_choices(own)),
            )
        )
    return tuple(facts)


def _printed(method: Method) -> dict[str, str]:
    """Return the size of a method's network in Table 3; empty where it counted none, and without a network."""
    if not isinstance(method, NetworkMethod):
        return {}
    return printed_sizes(method.backbone.name, method.backbone.settings)


def group_of(config: ComparisonConfig, name: str) -> str:
    """Return the kind of pre-training under which tables list a method: what the file says, or how its start was made.

    Every way to pre-train here does without labels. An encoder that is a whole model was taught with them.
    """
    method = config.methods[name]
    if method.group is not None:
        return method.group
    if isinstance(method, ClassicalMethod):
        return "none"
    if method.pretraining is not None:
        return "self-supervised"
    if method.encoder is not None:
        task = read_json(find_model(method.encoder) / "config.json").get("task")
        return "self-supervised" if task is None else "supervised"
    if isinstance(method, ProbeMethod) or method.backbone.weights is None:
        return "none"
    return find_backbone(method.backbone.name).supervision


def start_of(config: ComparisonConfig, name: str) -> str:
    """Say from which weights a method starts; empty where it has none."""
    method = config.methods[name]
    if isinstance(method, ClassicalMethod):
        return ""
    if method.encoder is not None:
        return f"Starts from the encoder {method.encoder.name}."
    if method.pretraining is not None:
        return f"Starts from the pre-training {method.pretraining}."
    if isinstance(method, ProbeMethod) or method.backbone.weights is None:
        return "Starts from random weights."
    return f"Starts from {called(method.backbone.weights)}."


def told(settings: Mapping[str, Any]) -> str:
    """Write settings in a row, such as `epochs 60, batch_size 8`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items() if name not in UNTOLD)


def _particulars(config: ComparisonConfig, name: str, trials: Sequence[Trial]) -> Iterator[str]:
    """Say from what a method starts, and in what it differs from the others of the experiment."""
    method = config.methods[name]
    if isinstance(method, ClassicalMethod):
        yield from _measured(trials)
        return
    yield start_of(config, name)
    yield from _terms(method)
    if isinstance(method, ProbeMethod):
        return
    backbone = f"{method.backbone.name} ({_origin(find_backbone(method.backbone.name))})"
    settings = f" with {told(method.backbone.settings)}" if method.backbone.settings else ""
    yield f"Backbone {backbone}{settings}; {_heads(method.backbone, trials)}."
    if method.head == "fitted":
        yield "Its head, where it reads the scan's vector, starts from a linear fit to those of the training scans."
    if method.training:
        yield f"Trained otherwise than the other methods: {told(method.training)}."
    if config.search.learning_rate and not config.rates_for(name):
        yield "Its learning rate is its own and was not searched."


def _measured(trials: Sequence[Trial]) -> Iterator[str]:
    """Say where a linear model on tissue volumes is described; label maps are predicted without one."""
    entry = MEASUREMENTS["tissue-volumes"]
    if any(trial.result.task != "segmentation" for trial in trials):
        yield f"{entry.title} ({_origin(entry)})."


def _origin(entry: BackboneEntry) -> str:
    return f"{entry.source}, {entry.licence}"


def _terms(method: NetworkMethod | ProbeMethod) -> Iterator[str]:
    """Say by what an encoder was pre-trained, and under which terms the weights come that a method goes back to."""
    encoder = None if method.encoder is None else str(method.encoder)
    way = METHODS.get(pretrained_by(encoder).get("method", ""))
    if way is not None:
        yield f"Its encoder was pre-trained by {way.title} ({way.source}, {way.licence})."
    backbone = method.backbone if isinstance(method, NetworkMethod) else BackboneConfig()
    if backbone.weights is not None:
        yield f"Terms of its weights: {known_of(backbone.weights, find_backbone(backbone.name).weights)}."
    for one in weights_of_others(BackboneConfig(), encoder):
        yield f"Terms of the weights {one['file']!r} that it goes back to: {one['terms'].rstrip('.')}."


def _heads(backbone: BackboneConfig, trials: Sequence[Trial]) -> str:
    """Say what stands on a backbone, as its publication or Table 3 has it, for the kinds of task that were done."""
    with undrawn():
        network = build_backbone(backbone.name, backbone.settings)
        kinds = {trial.result.task for trial in trials}
        said = [] if kinds == {"segmentation"} else [_vector_head(network)]
        if "segmentation" in kinds:
            own = network.build_decoder(1) is not None
            said.append("its own decoder segments" if own else "a linear head on all maps segments")
    return ", ".join(said)


def _vector_head(network: Backbone) -> str:
    hidden = network.hidden_features
    return f"its head has a hidden layer of {hidden}" if hidden else "its head is linear"


def _choices(trials: Sequence[Trial]) -> Iterator[str]:
    """Say what the validation parts chose, and how often."""
    chosen = Counter(one for trial in trials for one in trial.chosen)
    if chosen:
        yield f"Chosen on the validation parts: {often(chosen)}."
