"""Where a prepared scan is filed: names as BIDS-Derivatives wants them, from names of any kind."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from medical_transformer.cohorts import Scan
from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.template import SPACE

# BIDS keeps the word of a contrast agent apart from the suffix.
SUFFIXES = {"T1ce": "ce-gadolinium_%s_T1w", "T1w": "%s_T1w", "T2w": "%s_T2w", "FLAIR": "%s_FLAIR"}


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """Paths of everything that is written about one scan, relative to the derivatives' root."""

    folder: Path
    stem: str
    space: str

    @classmethod
    def of(cls, scan: Scan, config: PipelineConfig) -> "ScanFiles":
        """Name a scan's files.

        BIDS labels hold letters and digits only. A name that loses something thereby gets six digits of its
        hash, so that two scans never share a file.
        """
        space = f"space-{SPACE}_res-{config.pool}" if config.space == "mni" else f"space-crop_res-{config.pool}"
        return _named(scan.subject, scan.session, scan.name, space)

    def image(self, modality: str) -> Path:
        """Path of a prepared image."""
        pattern = SUFFIXES.get(modality, f"%s_{_label(modality)}")
        return self.folder / f"{self.stem}_{pattern % f'{self.space}_desc-preproc'}.nii.gz"

    @property
    def brain_mask(self) -> Path:
        """Path of the brain mask on the prepared grid."""
        return self.folder / f"{self.stem}_{self.space}_desc-brain_mask.nii.gz"

    @property
    def native_brain_mask(self) -> Path:
        """Path of the brain mask on the input's own grid."""
        return self.folder / f"{self.stem}_desc-brain_mask.nii.gz"

    @property
    def segmentation(self) -> Path:
        """Path of the prepared label map."""
        return self.folder / f"{self.stem}_{self.space}_dseg.nii.gz"

    @property
    def transform(self) -> Path:
        """Path of the affines between native and prepared space."""
        space = self.space.split("_")[0].removeprefix("space-")
        return self.folder / f"{self.stem}_from-native_to-{space}_mode-image_xfm.json"

    @property
    def sidecar(self) -> Path:
        """Path of what is known about the preparation; written last, it marks the scan as done."""
        return self.folder / f"{self.stem}_{self.space}_desc-preproc.json"

    @property
    def figure(self) -> Path:
        """Path of the picture."""
        return Path("figures") / f"{self.stem}.png"

    def sidecars(self, root: Path) -> list[Path]:
        """Return the sidecars that any pipeline has written of this scan; at most one, unless files were moved."""
        return sorted((root / self.folder).glob(f"{self.stem}_space-*_desc-preproc.json"))

    def earlier(self, root: Path) -> list[Path]:
        """Return what any pipeline has written of this scan under names that tell its space.

        Sidecars come first: while the others are taken away or replaced, nothing may say that they are whole.
        """
        folder = root / self.folder
        found = (path for kind in ("space", "from-native_to") for path in folder.glob(f"{self.stem}_{kind}-*"))
        return sorted(found, key=lambda path: path.suffix != ".json")


def refuse_shared_files(scans: Iterable[Scan], config: PipelineConfig) -> None:
    """Check that no two scans would be written to the same files.

    Raises:
        PreparationError: naming the two scans.
    """
    owners: dict[str, str] = {}
    for scan in scans:
        sidecar = ScanFiles.of(scan, config).sidecar.as_posix().lower()
        if sidecar in owners:
            raise PreparationError(
                f"The scans {owners[sidecar]!r} and {scan.name!r} would share the file {sidecar}; rename one."
            )
        owners[sidecar] = scan.name


@lru_cache(maxsize=100_000)  # asked several times about each scan of a cohort
def _named(subject: str, session: str | None, name: str, space: str) -> ScanFiles:
    who = f"sub-{_label(subject.removeprefix('sub-'))}"
    visit = f"ses-{_label(session.removeprefix('ses-'))}" if session else ""
    acquisition = "" if name in {subject, f"{subject}_{session}", f"{subject}_ses-{session}"} else f"acq-{_label(name)}"
    stem = "_".join(part for part in (who, visit, acquisition) if part)
    return ScanFiles(Path(who, visit, "anat") if visit else Path(who, "anat"), stem, space)


def _label(text: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9]", "", text)
    return kept if kept == text else kept + hashlib.sha256(text.encode()).hexdigest()[:6]
