"""Measure registration on real heads: known affines, and whether the quality numbers catch wrong ones.

Commands (paths relative to the repository)::

    python benchmarks/registration.py affines PREPARED COHORT --brains 40 --heads 10
    python benchmarks/registration.py failures PREPARED COHORT

PREPARED is a folder of `medtrans prepare`, COHORT the one of `medtrans index` that it was made from.

`affines` moves heads by random affines (rotations to 30 degrees, shifts to 40 mm, scales 0.85 to 1.15), registers
them, and measures how far the result, led through the known affine, lies from that of the unmoved head, over the
voxels of the brain. Brains are cut out with the native masks of the prepared cohort; heads go through the whole
default pipeline, brain extraction and bias field included.
`failures` registers every head's brain, then spoils the affine in known ways and counts which spoilt ones the quality
numbers pass without a word.
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.spatial.transform import Rotation

from medical_transformer.cohorts import Cohort, Verdict
from medical_transformer.preprocessing import DEFAULT, prepare_scan, quality
from medical_transformer.preprocessing.alignment import slack_mm
from medical_transformer.preprocessing.bias_field import correct_bias_field
from medical_transformer.preprocessing.intensity import normalize
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.preprocessing.placement import place_in_template
from medical_transformer.preprocessing.registration import register_brain
from medical_transformer.preprocessing.template import COARSE, load_template
from medical_transformer.volumes import Grid, Volume, read_label_map, read_volume, resample, write_volume


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("affines", "failures"):
        command = commands.add_parser(name)
        command.add_argument("prepared", type=Path)
        command.add_argument("cohort", type=Path)
        command.add_argument("--first", type=int, default=0, help="number of the first scan, to go on in parts")
        command.add_argument("--scans", type=int, default=1000)
        command.add_argument("--heads", type=int, default=0)
        command.add_argument("--brains", type=int, default=40)
    chosen = parser.parse_args()
    chosen.cohort = Cohort.load(chosen.cohort)
    scans = Cohort.load(chosen.prepared).scans[chosen.first :]
    if chosen.command == "affines":
        every = max(1, len(scans) // max(chosen.brains, chosen.heads))
        known_affines(chosen, scans[::every])
    else:
        planted_failures(chosen, scans[: chosen.scans])


def known_affines(chosen, scans) -> None:
    errors = []
    for kind, count in (("brain", chosen.brains), ("head", chosen.heads)):
        for place, scan in enumerate(scans[:count]):
            head, mask = read_pair(chosen, scan)
            move = random_affine(np.random.default_rng([place, kind == "head"]), head)
            start = time.process_time()
            pair = register_brains(head, mask, move) if kind == "brain" else register_heads(head, move)
            seconds = time.process_time() - start
            errors.append(distances_mm(*pair, move, mask))
            mean, most = errors[-1]
            print(f"{kind} {scan.name}: mean {mean:.3f} mm, most {most:.3f} mm, {seconds:.1f} CPU s", flush=True)
    means = [mean for mean, _ in errors]
    print(f"{len(errors)} affines: mean {np.mean(means):.3f} mm, worst scan {max(means):.3f} mm")
    print(f"worst voxel {max(most for _, most in errors):.3f} mm")


def read_pair(chosen, scan) -> tuple[Volume, Volume]:
    raw = next(one for one in chosen.cohort.scans if one.name == scan.name)
    head, _ = read_volume(chosen.cohort.root / raw.images["T1w"])
    mask, _ = read_label_map(chosen.prepared / ScanFiles.of(scan, DEFAULT).native_brain_mask)
    return head, mask.with_voxels(mask.voxels > 0)


def random_affine(draw: np.random.Generator, head: Volume) -> np.ndarray:
    """Draw an affine of millimetres about the head's centre."""
    axis, shift = draw.normal(size=(2, 3))
    linear = Rotation.from_rotvec(np.radians(draw.uniform(0, 30)) * axis / np.linalg.norm(axis)).as_matrix()
    middle = np.eye(4)
    middle[:3, 3] = head.grid.corners_mm().mean(axis=0)
    move = np.eye(4)
    move[:3, :3] = linear @ np.diag(draw.uniform(0.85, 1.15, 3))
    move[:3, 3] = draw.uniform(0, 40) * shift / np.linalg.norm(shift)
    return middle @ move @ np.linalg.inv(middle)


def moved(volume: Volume, move: np.ndarray, order: int) -> Volume:
    """Resample a volume to where an affine carries it, on a grid that holds all of it."""
    corners = (move @ np.column_stack([volume.grid.corners_mm(), np.ones(8)]).T)[:3].T
    grid = np.diag([*volume.spacing_mm, 1.0])
    grid[:3, 3] = corners.min(axis=0) - 4
    shape = tuple(int(side) for side in np.ceil((np.ptp(corners, axis=0) + 8) / volume.spacing_mm))
    return resample(volume, Grid(shape, grid), world_to_world=np.linalg.inv(move), order=order)


def cut_out(head: Volume, mask: Volume) -> Volume:
    return head.with_voxels(np.where(mask.voxels, head.voxels, 0).astype(np.float32))


def register_brains(head: Volume, mask: Volume, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = moved(mask.with_voxels(mask.voxels.astype(np.float32)), move, 1)
    there = cut_out(moved(head, move, 3), share.with_voxels(share.voxels > 0.5))
    return register_brain(cut_out(head, mask), "unmoved"), register_brain(there, "moved")


def register_heads(head: Volume, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with TemporaryDirectory() as folder:
        for name, volume in (("unmoved", head), ("moved", moved(head, move, 3))):
            write_volume(volume, Path(folder) / f"{name}.nii.gz")
        pair = [prepare_scan({"T1w": Path(folder) / f"{name}.nii.gz"}) for name in ("unmoved", "moved")]
    return tuple(np.linalg.inv(scan.template_from_native) for scan in pair)


def distances_mm(unmoved: np.ndarray, found: np.ndarray, move: np.ndarray, mask: Volume) -> tuple[float, float]:
    """Return the mean and the greatest distance over the template's brain, in millimetres of the unmoved head."""
    brain = load_template().mask
    points = brain.voxel_to_world @ np.vstack([np.argwhere(brain.voxels).T, np.ones(int(brain.voxels.sum()))])
    apart = np.linalg.norm((np.linalg.inv(move) @ found @ points - unmoved @ points)[:3], axis=0)
    return float(apart.mean()), float(apart.max())


SPOILT = {"as found": np.eye(4)}
for degrees in (10, 15, 20, 30, 90, 180):
    for axis, word in enumerate(("pitch", "roll", "yaw")):
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_euler("xyz"[axis], degrees, degrees=True).as_matrix()
        SPOILT[f"{word} by {degrees} degrees"] = turn
for shift_mm in (10, 15, 20, 40):
    for axis, word in enumerate(("right", "forward", "up")):
        shift = np.eye(4)
        shift[axis, 3] = shift_mm
        SPOILT[f"{shift_mm} mm {word}"] = shift
for scale in (0.8, 1.25):
    SPOILT[f"scaled by {scale}"] = np.diag([scale, scale, scale, 1.0])
SPOILT["upside down"] = np.diag([1.0, 1, -1, 1])


def planted_failures(chosen, scans) -> None:
    template = load_template()
    correlations: dict[str, list[float]] = {word: [] for word in SPOILT}
    slacks: dict[str, list[float]] = {word: [] for word in SPOILT}
    passed: dict[str, int] = dict.fromkeys(SPOILT, 0)
    for scan in scans:
        head, mask = read_pair(chosen, scan)
        brain = correct_bias_field(head, mask, scan.name)
        found = register_brain(brain, scan.name)
        for word, spoil in SPOILT.items():
            placement = place_in_template(brain.grid, found @ about_centre(spoil), COARSE)
            numbers = measured(brain, mask, placement, template)
            slacks[word].append(numbers["affine_slack_mm"])
            correlations[word].append(numbers["template_correlation"])
            passed[word] += quality.judge(numbers)[0] is Verdict.PREPARED
    for word, values in correlations.items():
        low, middle, high = np.quantile(values, (0, 0.5, 1))
        seen = f"correlation {low:.2f} to {high:.2f}, median {middle:.2f}"
        slack = f"slack {min(slacks[word]):.1f} to {max(slacks[word]):.1f} mm"
        print(f"{word:24} {passed[word]:4} of {len(values)} pass without a word; {seen}; {slack}")


def about_centre(spoil: np.ndarray) -> np.ndarray:
    mask = load_template().mask
    middle = np.eye(4)
    middle[:3, 3] = (mask.voxel_to_world @ [*np.argwhere(mask.voxels).mean(axis=0), 1])[:3]
    return middle @ spoil @ np.linalg.inv(middle)


def measured(brain: Volume, mask: Volume, placement, template) -> dict[str, float]:
    """Return the numbers that depend on the affine, on the template's grid at 2 mm."""
    pull = {"world_to_world": placement.native_from_template, "order": 1}
    share = resample(mask.with_voxels(mask.voxels.astype(np.float32)), template.mask.grid, **pull)
    inside = share.with_voxels(share.voxels >= 0.5)
    if not inside.voxels.any():
        return {"template_correlation": 0.0, "affine_slack_mm": 99.0}
    there = normalize(resample(brain, template.mask.grid, **pull), inside, DEFAULT, "spoilt")
    return (
        quality.measure_affine(placement.template_from_native)
        | quality.measure_match(there, inside, template)
        | quality.measure_contrast(there, inside, template)
        | {"affine_slack_mm": slack_mm(brain, placement.native_from_template)}
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
