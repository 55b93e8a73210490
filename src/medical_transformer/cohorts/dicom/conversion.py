"""Converting one DICOM series to NIfTI with dcm2niix, away from the source."""

import json
import shutil
import subprocess
import tempfile
from hashlib import blake2b
from pathlib import Path

from medical_transformer.cohorts.dicom.series import Series
from medical_transformer.errors import CohortError
from medical_transformer.volumes.whole_files import write_bytes


def convert(series: Series, source: Path, image: Path) -> None:
    """Write a series as one `.nii.gz`; it appears under its name only when it is whole.

    The instances are copied aside under numbers, so that neither the source nor the names inside a zip matter. A hidden
    file beside the image holds a digest of sizes and times; where these are unchanged, nothing is converted again.

    Raises:
        CohortError: if dcm2niix is not installed, fails, or makes anything but one image of the series.
    """
    image.parent.mkdir(parents=True, exist_ok=True)
    record = image.with_name(f".{image.name}.converted")
    if image.is_file() and record.is_file() and record.read_text(encoding="utf-8") == _digest(series, source, image):
        return
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
    write_bytes(record, _digest(series, source, image).encode())


def _digest(series: Series, source: Path, image: Path) -> str:
    """Return a digest of what the disk says of a series' files and of the image they became."""
    files = {instance.file: source / instance.file for instance in series.instances}
    states = [(str(name), path.stat().st_size, path.stat().st_mtime_ns) for name, path in (*files.items(), ("", image))]
    items = [instance.item for instance in series.instances]
    return blake2b(json.dumps([states, items]).encode(), digest_size=16).hexdigest()


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
