"""The model card: the README of a model folder, for the person who finds the weights without us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from medical_transformer.cohorts.tables import write_text
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.reporting import words

CITATION = """@article{jun2021medical,
  title   = {Medical Transformer: Universal Brain Encoder for 3D MRI Analysis},
  author  = {Jun, Eunji and Jeong, Seungwoo and Heo, Da-Woon and Suk, Heung-Il},
  journal = {arXiv preprint arXiv:2104.13633},
  year    = {2021}
}"""


@dataclass(frozen=True, slots=True)
class CardScore:
    """One score of the card.

    Attributes:
        name: such as `MAE (years)`.
        folds: mean and standard deviation over folds.
        interval: 95 % interval over subjects.
    """

    name: str
    folds: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a person must know before using a model.

    Attributes:
        name: what the model is called.
        what_it_is: a paragraph.
        trained_on: a sentence per cohort: which, how many subjects, who they are.
        preparation: steps that scans went through, name and setting.
        fingerprint: of the preparation; it is verified when the model predicts.
        scores: what it reached.
        tested_on: on whom and how, in words.
        intended_use: sentences.
        fails_where: sentences.
        data_licences: cohort, or weights of others that it goes back to, and the licence or terms.
        licence: of the weights, an SPDX name; empty where nobody has given one.
        parameters: trainable weights.
        made_by: command, commit, versions.
        sources: where network and pre-training are described, a sentence each.
        citation: BibTeX of the method that this package is named after; empty where it took no part.
    """

    name: str
    what_it_is: str
    trained_on: Sequence[str]
    preparation: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    scores: Sequence[CardScore] = ()
    tested_on: str = ""
    intended_use: Sequence[str] = ("Research on structural brain MRI.",)
    fails_where: Sequence[str] = ()
    data_licences: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    parameters: int = 0
    made_by: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[str] = ()
    citation: str = CITATION


def card_scores(result: EvaluationResult) -> tuple[CardScore, ...]:
    """Return the scores of a result as a card states them, the primary one first."""
    return tuple(
        CardScore(
            words.words_of(name).short + (f" ({result.unit})" if words.words_of(name).has_unit and result.unit else ""),
            words.mean_and_spread(one, words.words_of(name).digits),
            words.interval_words(one.interval, words.words_of(name).digits),
        )
        for name, one in result.summary().items()
    )


def write_model_card(path: Path, card: ModelCard) -> None:
    """Write the card as Markdown, with the header that model hubs read."""
    write_text(path, render_model_card(card))


def render_model_card(card: ModelCard) -> str:
    """Return the card as Markdown."""
    environment = Environment(
        loader=PackageLoader("medical_transformer", "reporting/templates"),
        autoescape=False,  # Markdown; `cell` escapes what could become HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template("card.md.j2").render(card=card)


def _cell(text: object) -> str:
    """Return text that cannot break out of a table's cell or become HTML."""
    one_line = " ".join(str(text).split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
