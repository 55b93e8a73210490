"""`medtrans predict`: raw scans in, answers out."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rich.console import Console

from medical_transformer.cohorts.ledger import line_of
from medical_transformer.cohorts.tables import read_json
from medical_transformer.errors import ConfigError, MedicalTransformerError, sentence_of
from medical_transformer.preprocessing.memory import choose_workers
from medical_transformer.preprocessing.progress import scan_progress
from medical_transformer.preprocessing.workers import Died, run_each
from medical_transformer.serving.answered import Answered, Status, write_answers
from medical_transformer.serving.predictor import Predictor
from medical_transformer.serving.requests import Request, resolve
from medical_transformer.tasks import find_model
from medical_transformer.volumes.whole_files import check_writable


@dataclass(frozen=True, slots=True)
class Predicted:
    """Answers to all requests, in their order."""

    answers: tuple[Answered, ...]

    @property
    def refused(self) -> tuple[Answered, ...]:
        """The scans without an answer."""
        return tuple(answer for answer in self.answers if answer.status is Status.REFUSED)


@dataclass(frozen=True, slots=True)
class _Job:
    request: Request
    model: Path
    out: Path
    device: str


def predict(
    scans: Sequence[Path],
    model: str | Path,
    out: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    console: Console | None = None,
) -> Predicted:
    """Answer on raw scans, preparation included.

    Args:
        scans: NIfTI files, folders of them in any layout that `index` reads, or cohorts.
        model: a model folder, as `finetune` leaves it, or the name of a model that comes with the package.
        out: gets `predictions.tsv`, and per scan a JSON, a picture and, for segmentations, a label map on the
            input's own grid with its header kept.
        workers: processes; by default one scan is answered in this process, and many by as many workers as fit.
        device: where the network runs.
        console: where progress goes.

    Returns:
        An answer or a refusal for every scan; a refused scan never stops the others.

    Raises:
        WeightsError: if the model cannot be loaded.
        ConfigError: if the folder holds answers of another model, or cannot be written to.
    """
    check_writable(out)
    console = console or Console(stderr=True)
    _predictor.cache_clear()  # the folder may hold another model than the last time
    folder = find_model(model)
    predictor = _predictor(folder, device)
    _refuse_other_answers(predictor, out)
    requests = resolve(scans, predictor.saved.prepared or predictor.saved.modalities)
    if workers is None:
        workers = 0 if len(requests) <= 1 else choose_workers(predictor.saved.preparation)
    jobs = [_Job(request, folder, out, device) for request in requests]
    answers: dict[int, Answered] = {}
    with scan_progress(console) as progress:
        task = progress.add_task("predicting", total=len(jobs))
        for place, result in run_each(_do, jobs, workers):
            answer = _refused(requests[place], result.sentence) if isinstance(result, Died) else result
            answers[place] = answer
            answer.save(out / f"{requests[place].stem}.json", predictor.facts())
            progress.console.print(_line_of(answer), markup=False, highlight=False, soft_wrap=True)
            progress.advance(task)
    predicted = Predicted(tuple(answers[place] for place in range(len(jobs))))
    write_answers(predicted.answers, out / "predictions.tsv")
    return predicted


def _refuse_other_answers(predictor: Predictor, out: Path) -> None:
    """Refuse a folder in which another model has answered; one of its answers tells for all."""
    facts = predictor.facts()
    for path in itertools.islice(out.glob("*.json"), 1):
        found = read_json(path).get("model", facts)
        if found != facts:
            other, this = (
                f"{one.get('name')} (weights {one.get('weights')}, {one.get('software')})" for one in (found, facts)
            )
            raise ConfigError(f"{out} holds answers of {other}, and this is {this}. Choose another folder.")


def _line_of(answer: Answered) -> str:
    shown = ", ".join(
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:.3g}" for name, value in answer.answers.items()
    )
    return line_of(answer.scan, answer.status.value, shown, answer.reason)


def _do(job: _Job) -> Answered:
    """Answer one request; errors of this package become a refusal."""
    if job.request.refusal:
        return _refused(job.request, job.request.refusal)
    try:
        return _predictor(job.model, job.device).answer(job.request, job.out)
    except (MedicalTransformerError, OSError) as error:
        return _refused(job.request, sentence_of(error))


@lru_cache(maxsize=1)
def _predictor(model: Path, device: str) -> Predictor:
    """Load a model once per process."""
    return Predictor.load(model, device)


def _refused(request: Request, reason: str) -> Answered:
    paths = {word: str(path) for word, path in request.images.items()}
    return Answered(scan=request.scan, subject=request.subject, status=Status.REFUSED, reason=reason, input=paths)
