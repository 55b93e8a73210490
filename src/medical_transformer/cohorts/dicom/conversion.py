"""Converting one DICOM series to NIfTI with dcm2niix, away from the source."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from medical_transformer.cohorts.dicom.series import Series
from medical_transformer.errors import CohortError


def convert(series: Series, source: Path, image: Path) -> None:
    """Write a series as one `.nii.gz`; it appears under its name only when it is whole.

    The instances are copied aside under numbers, so that neither the source nor the names inside a zip matter.

    Raises:
        CohortError: if dcm2niix is not installed, fails, or makes anything but one image of the series.
    """
    image.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".dicom-", dir=image.parent) as aside:
        instances, made = Path(aside, "instances"), Path(aside, "made")
        instances.mkdir()
        made.mkdir()
        for number, instance in enumerate(series.instances):
            with instance.open(source) as read, (instances / f"{number:05d}.dcm").open("wb") as written:
                shutil.copyfileobj(read, written)
        said = _run(instances, made, series)
        images = sorted(made.glob("*.nii.gz"))
        if len(images) != 1:
            raise CohortError(
                f"dcm2niix made {len(images)} images of {series.title} and not one{said}; convert it by hand."
            )
        images[0].replace(image)


def _run(instances: Path, made: Path, series: Series) -> str:
    """Run dcm2niix and return its last warning for a sentence."""
    try:
        from dcm2niix import bin as program  # noqa: PLC0415
    except ImportError as error:
        raise CohortError(
            "DICOM is converted with dcm2niix, of the extra 'dicom': pip install 'medical-transformer[dicom]'."
        ) from error
    options = ["-b", "n", "-z", "i", "-f", "image", "-o", str(made)]
    done = subprocess.run([program, *options, str(instances)], capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Warning", "Error"))]
    said = f" ({lines[-1]})" if lines else ""
    if done.returncode != 0 and not any(made.iterdir()):
        raise CohortError(f"dcm2niix could not convert {series.title}{said}; export it again.")
    return said
