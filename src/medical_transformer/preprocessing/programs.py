"""Programs that a user may have installed: SynthStrip, HD-BET and FSL's BET, FAST and FLIRT; none comes along.

Each adapter writes the image into a private folder, gives the program its documented arguments and reads what it
wrote. They were exercised against stand-ins that check the arguments, never against the programs themselves.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel
import numpy as np

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Grid, Volume, write_volume
from medical_transformer.volumes.grid import Affine

LONGEST_SECONDS = 3600
SYNTHSTRIP = ("mri_synthstrip", "nipreps-synthstrip")
FSL_HELP = "install FSL and put its bin folder on the PATH"


def synthstrip_mask(head: Volume, name: str) -> Volume:
    """Find the brain with SynthStrip (Hoopes et al. 2022), FreeSurfer's program or NiPreps' port.

    Raises:
        PreparationError: naming the scan, if neither is installed or it fails.
    """
    with TemporaryDirectory(prefix="medtrans-") as folder:
        program = _find(SYNTHSTRIP, "install FreeSurfer, or NiPreps' synthstrip with its model")
        _run(Path(folder), name, {"head": head}, (program, "-i", "head.nii.gz", "-m", "mask.nii.gz"))
        return _mask(Path(folder) / "mask.nii.gz", head, name)


def hd_bet_mask(head: Volume, name: str) -> Volume:
    """Find the brain with HD-BET 2 (Isensee et al. 2019), on the CPU and without test-time augmentation.

    Raises:
        PreparationError: naming the scan, if it is not installed or fails.
    """
    with TemporaryDirectory(prefix="medtrans-") as folder:
        program = _find(("hd-bet",), "install HD-BET 2, whose weights it fetches itself")
        options = ("-device", "cpu", "--disable_tta", "--save_bet_mask", "--no_bet_image")
        _run(Path(folder), name, {"head": head}, (program, "-i", "head.nii.gz", "-o", "brain.nii.gz", *options))
        return _mask(Path(folder) / "brain_bet.nii.gz", head, name)


def fsl_bet_mask(head: Volume, name: str) -> Volume:
    """Find the brain with FSL's BET (Smith 2002), its centre estimated robustly, as the paper's section 4.1.1.

    Raises:
        PreparationError: naming the scan, if FSL is not installed or BET fails.
    """
    with TemporaryDirectory(prefix="medtrans-") as folder:
        program = _find(("bet",), FSL_HELP)
        _run(Path(folder), name, {"head": head}, (program, "head.nii.gz", "brain.nii.gz", "-R", "-m", "-n"))
        return _mask(Path(folder) / "brain_mask.nii.gz", head, name)


def fast_corrected(brain: Volume, mask: Volume, name: str) -> Volume:
    """Remove the shading of a T1w brain with FSL's FAST (Zhang et al. 2001).

    Raises:
        PreparationError: naming the scan, if FSL is not installed or FAST fails.
    """
    inside = brain.with_voxels(np.where(mask.voxels, np.maximum(brain.voxels, 0), 0).astype(np.float32))
    with TemporaryDirectory(prefix="medtrans-") as folder:
        program = _find(("fast",), FSL_HELP)
        _run(Path(folder), name, {"brain": inside}, (program, "-t", "1", "-n", "3", "-B", "-o", "seg", "brain.nii.gz"))
        corrected = _voxels(Path(folder) / "seg_restore.nii.gz", brain, name)
    return brain.with_voxels(np.where(mask.voxels, corrected, 0).astype(np.float32))


def flirt_affine(brain: Volume, name: str) -> Affine:
    """Find the affine from template to native millimetres with FSL's FLIRT (Jenkinson et al. 2002).

    Raises:
        PreparationError: naming the scan, if FSL is not installed or FLIRT fails.
    """
    template = load_template().brain
    with TemporaryDirectory(prefix="medtrans-") as folder:
        program = _find(("flirt",), FSL_HELP)
        arguments = ("-in", "brain.nii.gz", "-ref", "template.nii.gz", "-dof", "12", "-omat", "affine.mat")
        _run(Path(folder), name, {"brain": brain, "template": template}, (program, *arguments))
        return _world_affine(Path(folder) / "affine.mat", brain.grid, template.grid, name)


def _world_affine(path: Path, native: Grid, template: Grid, name: str) -> Affine:
    try:
        flirt = np.loadtxt(path)
    except (OSError, ValueError) as error:
        raise PreparationError(f"{name}: flirt wrote no readable {path.name}.") from error
    if flirt.shape != (4, 4) or not np.isfinite(flirt).all() or abs(np.linalg.det(flirt)) < 1e-6:
        raise PreparationError(f"{name}: flirt found no usable affine.")
    fsl_to_template = template.voxel_to_world @ np.linalg.inv(_voxel_to_fsl(template))
    template_from_native = fsl_to_template @ flirt @ _voxel_to_fsl(native) @ native.world_to_voxel
    affine: Affine = np.linalg.inv(template_from_native)
    return affine


def _voxel_to_fsl(grid: Grid) -> Affine:
    """Return FSL's own millimetres: voxels times their size, right to left where the header counts left to right."""
    fsl = np.diag([*grid.spacing_mm, 1.0])
    if np.linalg.det(grid.voxel_to_world[:3, :3]) > 0:
        fsl[0, 0], fsl[0, 3] = -fsl[0, 0], (grid.shape[0] - 1) * fsl[0, 0]
    return fsl


def _find(names: Sequence[str], hint: str) -> str:
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    raise PreparationError(f"{' or '.join(names)} is not installed; {hint}, or choose another way in the pipeline.")


def _run(folder: Path, name: str, images: Mapping[str, Volume], command: Sequence[str]) -> None:
    for word, volume in images.items():
        write_volume(volume, folder / f"{word}.nii.gz")
    environment = {**os.environ, "FSLOUTPUTTYPE": "NIFTI_GZ"}
    program = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PreparationError(f"{name}: {program} could not run ({error}).") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise PreparationError(f"{name}: {program} failed ({done.returncode}): {last[0][:200]}")


def _mask(path: Path, head: Volume, name: str) -> Volume:
    return head.with_voxels(_voxels(path, head, name) > 0.5)


def _voxels(path: Path, like: Volume, name: str) -> np.ndarray[Any, Any]:
    """Read what a program wrote on the grid of its input."""
    if not path.is_file():
        raise PreparationError(f"{name}: the program ended well but wrote no {path.name}.")
    voxels = np.asarray(nibabel.load(path).dataobj, dtype=np.float32)
    if voxels.shape != like.shape or not np.isfinite(voxels).all():
        raise PreparationError(f"{name}: {path.name} has the shape {voxels.shape}, not {like.shape}, or is not finite.")
    return voxels
