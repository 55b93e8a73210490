"""One experiment file: tasks, methods, and all that decides every number of a comparison."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from medical_transformer.backbones.published_files import weights_beside
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.config import BackboneConfig, Frozen, HeadStart, InputConfig, PretrainConfig
from medical_transformer.settings import wrong_settings
from medical_transformer.tasks.shipped import place_of
from medical_transformer.training import TrainingConfig

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
Share = Annotated[float, Field(gt=0, le=1)]


class TaskEntry(Frozen):
    """One column of the tables: what is predicted, of which prepared cohort."""

    prepared: Annotated[Path, Field(description="What `medtrans prepare` wrote; relative to the experiment file.")]
    label: Annotated[str, Field(description="Label to predict, or `segmentation`.")] = "segmentation"
    kind: Annotated[
        Literal["auto", "classification", "regression", "segmentation"],
        Field(description="Kind of task; auto looks at the label's values."),
    ] = "auto"
    title: Annotated[str, Field(description="Heading in tables; the task's name where empty.")] = ""
    groups: Annotated[
        Mapping[str, tuple[float, float]],
        Field(description="Classes made of a number: name to lowest (included) and highest (not included) value."),
    ] = {}
    regions: Annotated[
        Mapping[str, tuple[int, ...]] | None, Field(description="Regions of a segmentation, by label values.")
    ] = None
    icv: Annotated[
        bool, Field(description="Tell every method the intracranial volume too, which registration takes away.")
    ] = False
    input: Annotated[InputConfig | None, Field(description="What the networks see, where it differs.")] = None
    training: Annotated[Mapping[str, Any], Field(description="Training settings that differ for this task.")] = {}

    @property
    def segments(self) -> bool:
        """Whether label maps are predicted."""
        return self.kind == "segmentation" or self.label == "segmentation"


class _Method(Frozen):
    title: Annotated[str, Field(description="Name in tables; the method's name where empty.")] = ""
    group: Annotated[
        str | None,
        Field(
            description="Kind of pre-training, under which tables list it; where nothing is said, that of its start."
        ),
    ] = None
    notes: Annotated[tuple[str, ...], Field(description="What a reader must know, a sentence each.")] = ()


class _Encoded(_Method):
    encoder: Annotated[
        Path | None, Field(description="Folder of a pre-trained encoder, or a name of `medtrans models`.")
    ] = None
    pretraining: Annotated[str | None, Field(description="Name of a pre-training in this file.")] = None

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.encoder is not None and self.pretraining is not None:
            raise ValueError("name an encoder or a pre-training, not both")
        return self


class NetworkMethod(_Encoded):
    """Fine-tune a backbone, from random weights or from an encoder."""

    kind: Literal["network"] = "network"
    backbone: BackboneConfig = BackboneConfig()
    head: HeadStart = "random"
    training: Annotated[Mapping[str, Any], Field(description="Training settings that differ for this method.")] = {}

    @model_validator(mode="after")
    def _no_second_start(self) -> Self:
        started = f"pre-training {self.pretraining!r}" if self.encoder is None else f"encoder {str(self.encoder)!r}"
        if self.backbone.weights is not None and (self.encoder is not None or self.pretraining is not None):
            raise ValueError(
                f"published weights {self.backbone.weights!r} and {started} are two starts; give one of them. A "
                "pre-training begins with the `weights` of the backbone in its own settings"
            )
        return self


class ProbeMethod(_Encoded):
    """A linear model on the vectors of a frozen encoder."""

    kind: Literal["probe"] = "probe"

    @model_validator(mode="after")
    def _needs_encoder(self) -> Self:
        if self.encoder is None and self.pretraining is None:
            raise ValueError("a probe needs an encoder or a pre-training")
        return self


class ClassicalMethod(_Method):
    """A linear model on regional tissue volumes; for a segmentation the most frequent label at each place."""

    kind: Literal["classical"] = "classical"


def _kind(method: Any) -> str:
    """Return a method's kind; a method that does not say is a network."""
    return str(method.get("kind", "network") if isinstance(method, dict) else method.kind)


Method = Annotated[
    Annotated[NetworkMethod, Tag("network")]
    | Annotated[ProbeMethod, Tag("probe")]
    | Annotated[ClassicalMethod, Tag("classical")],
    Discriminator(_kind),
]


class PretrainingEntry(Frozen):
    """A pre-training that methods may start from."""

    prepared: Annotated[Path, Field(description="What `medtrans prepare` wrote; relative to the experiment file.")]
    settings: Annotated[PretrainConfig, Field(description="As `medtrans pretrain --config` takes them.")] = (
        PretrainConfig()
    )
    subjects: Annotated[
        Literal["training", "all"],
        Field(
            description="Whose scans are learnt from: in each fold only those who are not tested there, or everybody."
        ),
    ] = "training"


class SearchConfig(Frozen):
    """Settings that are searched on the validation part of each fold, for every network that does not state its own."""

    learning_rate: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(
            description="Each is trained; the best on the validation part is tested. It wins over the file's and the "
            "task's rate; a method's own rate wins over the search. Empty: no search."
        ),
    ] = ()


class ComparisonConfig(Frozen):
    """The whole evaluation of a paper, as one value."""

    title: str
    tasks: Annotated[Mapping[Name, TaskEntry], Field(min_length=1)]
    methods: Annotated[Mapping[Name, Method], Field(min_length=1)]
    reference: Annotated[str, Field(description="Method that the others are compared with.")]
    pretraining: Mapping[Name, PretrainingEntry] = {}
    input: InputConfig = InputConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()
    folds: Annotated[int, Field(ge=3, le=100)] = 5
    fold_seed: Annotated[int, Field(ge=0)] = 0
    same_data: Annotated[
        tuple[str, ...], Field(description="Tasks whose data set is the paper's own, so that its figures compare.")
    ] = ()
    together: Annotated[
        str | None, Field(description="Subjects that share this stay in one fold: `site`, or a label.")
    ] = None
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1, 2)
    fractions: Annotated[
        tuple[Share, ...], Field(min_length=1, description="Shares of the training subjects' labels (Table 4).")
    ] = (1.0,)
    partial: Annotated[
        tuple[str, ...], Field(description="Methods that are also trained on the shares below 1; all where empty.")
    ] = ()
    allow_seen_scans: Annotated[
        bool,
        Field(
            description="Go on although an encoder saw scans of tested subjects, without labels; "
            "the tables say so. Labels that were seen always stop the run."
        ),
    ] = False

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for word, names, known in (
            ("reference", [self.reference], self.methods),
            ("partial", self.partial, self.methods),
            ("pretraining", [name for one in self.methods.values() for name in _pretrained_by(one)], self.pretraining),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{word} names {name!r}, but there are: {', '.join(known) or 'none'}")
        if len(set(self.seeds)) < len(self.seeds) or len(set(self.fractions)) < len(self.fractions):
            raise ValueError("a seed or a fraction stands there twice")
        return self

    def placed(self, folder: Path) -> "ComparisonConfig":
        """Return the same with relative paths seen from a folder: that of the experiment file."""
        settings = self.model_dump(mode="python", exclude_unset=True)
        for entry in (*settings["tasks"].values(), *settings.get("pretraining", {}).values()):
            entry["prepared"] = folder / entry["prepared"]
        for method in settings["methods"].values():
            if method.get("encoder") is not None:
                method["encoder"] = place_of(method["encoder"], beside=folder)
        taught = [entry.get("settings", {}) for entry in settings.get("pretraining", {}).values()]
        for backbone in (one.get("backbone", {}) for one in (*settings["methods"].values(), *taught)):
            if backbone.get("weights") is not None:
                backbone["weights"] = weights_beside(backbone["weights"], folder)
        return ComparisonConfig.model_validate(settings)

    def training_for(self, task: str, method: str, seed: int) -> TrainingConfig:
        """Return how a method is trained for a task: the file's settings, then the task's, then the method's."""
        chosen = self.methods[method]
        own = chosen.training if isinstance(chosen, NetworkMethod) else {}
        settings = {**self.training.model_dump(), **self.tasks[task].training, **own, "seed": seed}
        try:
            return TrainingConfig.model_validate(settings)
        except ValidationError as error:
            wrong = " ".join(wrong_settings(TrainingConfig, error))
            raise ConfigError(f"Training settings of task {task!r}, method {method!r}. {wrong}") from error

    def rates_for(self, method: str) -> tuple[float, ...]:
        """Return the learning rates that are searched for a method; none for one that states its own."""
        chosen = self.methods[method]
        own = not isinstance(chosen, NetworkMethod) or "learning_rate" in chosen.training
        return () if own else self.search.learning_rate


def _pretrained_by(method: _Method) -> list[str]:
    named = method.pretraining if isinstance(method, _Encoded) else None
    return [] if named is None else [named]
