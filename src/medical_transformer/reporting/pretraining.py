"""The report of a pre-training: what was learnt, how it went, and how far that is from chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from medical_transformer.cohorts.tables import write_text
from medical_transformer.reporting.figures import inline_svg
from medical_transformer.reporting.figures.pretraining_curves import pretraining_curves
from medical_transformer.reporting.report import page_template
from medical_transformer.training import EpochRecord


@dataclass(frozen=True, slots=True)
class TaughtStage:
    """One stage.

    Attributes:
        title: what was learnt.
        records: the journal.
        best_epoch: whose weights were kept.
        chance: what a network that knows nothing reaches, for those numbers where that is known.
    """

    title: str
    records: Sequence[EpochRecord]
    best_epoch: int
    chance: Mapping[str, float]

    def numbers(self) -> list[tuple[str, str, str]]:
        """Return every validation number of the kept epoch beside that of chance."""
        record = next(one for one in self.records if one.epoch == self.best_epoch)
        names = ("loss", *record.metrics)
        chance = {name: f"{value:.4g}" for name, value in self.chance.items()}
        return [(name.replace("_", " "), f"{record.number(name):.4g}", chance.get(name, "–")) for name in names]

    def curves(self, name: str) -> Markup:
        """Return the learning curves as a figure of the page."""
        figure = pretraining_curves(self.records, self.best_epoch, self.chance)
        return inline_svg(figure, name, f"{self.title}: loss and scores over {len(self.records)} epochs.")


def write_pretraining_report(
    path: Path, title: str, what: str, stages: Sequence[TaughtStage], facts: Mapping[str, str], *, notes: str = ""
) -> None:
    """Write the page of a pre-training; nothing on it is loaded from elsewhere.

    Args:
        path: where the page goes.
        title: of the page.
        what: a sentence on what was learnt.
        stages: in order.
        facts: what a reader must know about the run, by name.
        notes: terms that bind the reader.
    """
    page = page_template("pretraining.html.j2").render(title=title, what=what, stages=stages, facts=facts, notes=notes)
    write_text(path, page)
