"""One scan of a cohort: prepared and written, or recognised as done."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medical_transformer.cohorts import Scan, Verdict
from medical_transformer.cohorts.hashing import hash_files
from medical_transformer.errors import MedicalTransformerError, sentence_of
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.derivatives import (
    Sidecar,
    checksums,
    content_files,
    read_sidecar,
    read_sidecars,
    restate,
    write_prepared,
    written_files,
)
from medical_transformer.preprocessing.doubles import signature
from medical_transformer.preprocessing.modalities import leading_order
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.preprocessing.quality import judge
from medical_transformer.preprocessing.scan import prepare_scan
from medical_transformer.volumes import read_volume

# How the reason of a scan ends whose input cannot be compared any more with what was prepared from it.
KEPT = "so what an earlier run made of it is kept."
# How the reason of a scan ends that could not be prepared again, by this pipeline or another.
LEFT = "What an earlier run made of it stays in its files, but is in no cohort."


@dataclass(frozen=True, slots=True)
class Job:
    """A scan to prepare.

    Attributes:
        scan: what the cohort says about it; its paths are relative to `root`.
        root: the raw cohort's folder.
        out: the derivatives' folder.
        config: the pipeline.
    """

    scan: Scan
    root: Path
    out: Path
    config: PipelineConfig

    @property
    def figure(self) -> Path:
        """The scan's picture."""
        return self.out / ScanFiles.of(self.scan, self.config).figure

    def inputs(self) -> dict[str, Path]:
        """Return the files that are read, by modality, the segmentation under its own word."""
        images = {word: self.root / path for word, path in leading_order(self.scan.images).items()}
        return (
            images if self.scan.segmentation is None else {**images, "segmentation": self.root / self.scan.segmentation}
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scan.

    Attributes:
        verdict: prepared, warned or refused.
        reason: one sentence, empty where nothing stands out.
        content_hash: over the bytes of what was written for training; empty for a refused scan.
        quality: the numbers behind the verdict; empty where the scan could not be read or prepared.
        resumed: whether an earlier run had done it.
        signature: what the prepared brain looks like (`doubles.signature`); empty where it is not in template space.
    """

    verdict: Verdict
    reason: str
    content_hash: str = ""
    quality: Mapping[str, float] = field(default_factory=dict)
    resumed: bool = False
    signature: bytes = b""


def do(job: Job) -> Outcome:
    """Prepare one scan and write it; errors of this package become a refusal, others a crash of the run."""
    try:
        return _prepare_and_write(job)
    except (MedicalTransformerError, OSError) as error:
        return refuse(job, _sentence(error, job))


def refuse(job: Job, reason: str) -> Outcome:
    """Refuse a scan, and let what earlier runs have left of it say the same, by whichever pipeline.

    Their images stay: a source may only be out of reach, and what was made of it could not be made again.
    """
    left = read_sidecars(job.scan, job.config, job.out)
    reason = f"{reason} {LEFT}" if left else reason
    for path, done in left.items():
        restate(path, done, job.figure, Verdict.REFUSED, reason)
    return Outcome(Verdict.REFUSED, reason)


def _sentence(error: Exception, job: Job) -> str:
    return sentence_of(error).replace(f"{job.root}{os.sep}", "")


def _prepare_and_write(job: Job) -> Outcome:
    images = job.inputs()
    done = read_sidecar(job.scan, job.config, job.out)
    try:
        inputs = checksums(images)
    except OSError as error:
        if done is None or not _is_whole(done, images, job):
            raise
        return _kept(done, _sentence(error, job), job)
    if done is not None and done.inputs == inputs and _is_whole(done, images, job):
        return _done(job, done, *judge(done.quality))
    segmentation = images.pop("segmentation", None)
    prepared = prepare_scan(images, job.config, segmentation=segmentation, name=job.scan.name)
    write_prepared(prepared, job.scan, job.out, inputs)
    return _outcome(job, prepared.verdict, prepared.reason, prepared.quality, resumed=False)


def _is_whole(done: Sidecar, images: Collection[str], job: Job) -> bool:
    """Tell whether a finished scan came from this pipeline and images so called, is judged the same and still whole."""
    if done.fingerprint != job.config.fingerprint() or done.inputs.keys() != set(images):
        return False
    judged = judge(done.quality)
    if judged != (done.verdict, done.reason) and not done.reason.endswith((KEPT, LEFT)):
        return False
    return all((job.out / path).is_file() for path in written_files(job.scan, job.config, judged[0]))


def _kept(done: Sidecar, why: str, job: Job) -> Outcome:
    """Keep what is finished though its input is gone: nothing that was computed is lost, and everything says so."""
    verdict, reason = judge(done.quality)
    verdict = Verdict.REFUSED if verdict is Verdict.REFUSED else Verdict.WARNED
    told = f"{reason} Its source cannot be read any more ({why.removesuffix('.')}), {KEPT}".strip()
    return _done(job, done, verdict, told)


def _done(job: Job, done: Sidecar, verdict: Verdict, reason: str) -> Outcome:
    """Return the outcome of what an earlier run has done, and let sidecar and picture say the same."""
    restate(job.out / ScanFiles.of(job.scan, job.config).sidecar, done, job.figure, verdict, reason)
    return _outcome(job, verdict, reason, done.quality, resumed=True)


def _outcome(job: Job, verdict: Verdict, reason: str, quality: Mapping[str, float], *, resumed: bool) -> Outcome:
    if verdict is Verdict.REFUSED:
        return Outcome(verdict, reason, "", quality, resumed)
    files = [job.out / path for path in content_files(job.scan, job.config)]
    return Outcome(verdict, reason, hash_files(files), quality, resumed, _signature(job, files[0]))


def _signature(job: Job, lead: Path) -> bytes:
    if job.config.space != "mni":
        return b""
    prepared, _ = read_volume(lead)
    return signature(prepared).tobytes()
