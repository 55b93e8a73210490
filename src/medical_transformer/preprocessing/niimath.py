"""Running niimath, a small BSD-licensed binary (its N4 part Apache-2.0) from the wheel of the same name."""

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from medical_transformer.errors import PreparationError
from medical_transformer.volumes import Volume, write_volume

LONGEST_SECONDS = 900


def run_niimath(
    folder: Path, name: str, images: Mapping[str, Volume], arguments: tuple[str, ...], *, threads: int = 1
) -> None:
    """Write images as `<word>.nii` into a private folder and run niimath there.

    Args:
        folder: a temporary folder that belongs to this call.
        name: the scan, for the message of an error.
        images: word to volume.
        arguments: niimath's command line, with file names relative to the folder.
        threads: OpenMP threads.

    Raises:
        PreparationError: naming the scan, if niimath fails, hangs or is missing.
    """
    for word, volume in images.items():
        write_volume(volume, folder / f"{word}.nii")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "FSLOUTPUTTYPE": "NIFTI"}
    try:
        done = subprocess.run(
            [str(_binary()), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PreparationError(f"{name}: niimath could not run ({error}).") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise PreparationError(f"{name}: niimath {arguments[1]} failed ({done.returncode}): {last[0][:200]}")


def read_voxels(path: Path, name: str) -> np.ndarray[Any, Any]:
    """Read the voxels (float32, RAS) that niimath wrote.

    Raises:
        PreparationError: if the file is missing or holds anything but finite numbers.
    """
    if not path.is_file():
        raise PreparationError(f"{name}: niimath ended well but wrote no {path.name}.")
    voxels = np.asarray(nibabel.load(path).dataobj, dtype=np.float32)
    if not np.isfinite(voxels).all():
        raise PreparationError(f"{name}: niimath wrote values that are not finite into {path.name}.")
    return voxels


def read_affine(path: Path, name: str) -> np.ndarray[Any, Any]:
    """Read the 4x4 affine from template to native millimetres (RAS) that `-savemat` wrote.

    Raises:
        PreparationError: if the file is missing or its affine is not finite and invertible.
    """
    if not path.is_file():
        raise PreparationError(f"{name}: niimath ended well but wrote no {path.name}.")
    affine = np.array(json.loads(path.read_text(encoding="utf-8"))["fixed_to_moving"], dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise PreparationError(f"{name}: the registration found no usable affine.")
    return affine


@cache
def niimath_version() -> str:
    """Return the version of the niimath wheel."""
    return metadata.version("niimath")


@cache
def _binary() -> Path:
    spec = util.find_spec("niimath")
    if spec is None or spec.origin is None:
        raise PreparationError("niimath is not installed; run `pip install niimath`.")
    folder = Path(spec.origin).parent
    name = "niimath.exe" if os.name == "nt" else "niimath"
    for candidate in (folder / "bin" / name, folder / name):
        if candidate.is_file():
            return candidate
    raise PreparationError(f"The niimath wheel in {folder} holds no binary for this machine.")
