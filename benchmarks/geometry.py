"""Measure what must not matter: stored orientation, voxel size, a planted bias field; and the same head twice.

Commands (paths relative to the repository)::

    python benchmarks/geometry.py orientations ../shared/data/ixi/IXI-T1/IXI012-HH-1211-T1.nii.gz --every 1
    python benchmarks/geometry.py bias PREPARED ../shared/data/ixi/IXI-T1 --heads 5
    python benchmarks/geometry.py doubles PREPARED ../shared/data/ixi/IXI-T1 --heads 3

`orientations` prepares one head stored in all 48 orientations and resampled to 1, 1.5 and 3 mm, and correlates the
prepared volumes with that of the head as it is. `bias` shades brains by a known field and measures how much of its
variation is left. `doubles` compares all prepared heads with each other, and some of them, prepared again from changed
copies, with all.
"""

import argparse
import os
from itertools import permutations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
from nibabel import orientations
from nibabel.processing import resample_to_output

from medical_transformer.cohorts import Cohort
from medical_transformer.preprocessing import DEFAULT, prepare_scan
from medical_transformer.preprocessing.bias_field import correct_bias_field
from medical_transformer.preprocessing.doubles import signature
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.volumes import Volume, read_label_map, read_volume


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    turned = commands.add_parser("orientations")
    turned.add_argument("head", type=Path)
    turned.add_argument("--every", type=int, default=1, help="only every so many of the orientations")
    for name in ("bias", "doubles"):
        command = commands.add_parser(name)
        command.add_argument("prepared", type=Path)
        command.add_argument("raw", type=Path)
        command.add_argument("--heads", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.command == "orientations":
        compare_orientations(chosen.head, chosen.every)
    elif chosen.command == "bias":
        remove_planted_fields(chosen.prepared, chosen.raw, chosen.heads)
    else:
        compare_heads(chosen.prepared, chosen.raw, chosen.heads)


def compare_orientations(head: Path, every: int) -> None:
    image = nibabel.load(head)
    reference = prepared(image)
    signs = product(*[(pair, pair[::-1]) for pair in ("LR", "PA", "IS")])
    words = ["".join(pair[1] for pair in order) for pairs in signs for order in permutations(pairs)]
    found = {}
    for axes in words[::every]:
        target = orientations.axcodes2ornt(tuple(axes))
        turn = orientations.ornt_transform(orientations.io_orientation(image.affine), target)
        found[axes] = correlation(reference, prepared(image.as_reoriented(turn)))
        print(axes, f"{found[axes]:.5f}", flush=True)
    for spacing_mm in (1.0, 1.5, 3.0):
        found[f"{spacing_mm} mm"] = correlation(
            reference, prepared(resample_to_output(image, [spacing_mm] * 3, order=3))
        )
        print(f"{spacing_mm} mm {found[f'{spacing_mm} mm']:.5f}", flush=True)
    print(f"{len(found)} copies: worst {min(found, key=found.__getitem__)} {min(found.values()):.5f}")


def prepared(image) -> Volume:
    with TemporaryDirectory() as folder:
        nibabel.save(image, Path(folder) / "head.nii.gz")
        return prepare_scan({"T1w": Path(folder) / "head.nii.gz"}).volumes["T1w"]


def correlation(one: Volume, other: Volume) -> float:
    return float(np.corrcoef(one.voxels.ravel(), other.voxels.ravel())[0, 1])


def remove_planted_fields(folder: Path, raw: Path, heads: int) -> None:
    shares = []
    for place, scan in enumerate(Cohort.load(folder).scans[:heads]):
        head, _ = read_volume(raw / f"{scan.name}-T1.nii.gz")
        mask, _ = read_label_map(folder / ScanFiles.of(scan, DEFAULT).native_brain_mask)
        inside = mask.voxels > 0
        field = smooth_field(np.random.default_rng(place), head.shape)
        shaded = head.with_voxels((head.voxels * field).astype(np.float32))
        brains = [correct_bias_field(one, mask.with_voxels(inside), scan.name).voxels[inside] for one in (head, shaded)]
        seen = brains[0] > 0
        before, after = (values.std() / values.mean() for values in (field[inside], brains[1][seen] / brains[0][seen]))
        shares.append(after / before)
        print(f"{scan.name}: coefficient of variation {before:.3f} before, {after:.3f} after", flush=True)
    print(f"remaining share: mean {np.mean(shares):.3f}, worst {max(shares):.3f}")


def smooth_field(draw: np.random.Generator, shape) -> np.ndarray:
    """Draw the exponential of a quadratic in the place: a coil's shading."""
    right, anterior, superior = np.meshgrid(*[np.linspace(-1, 1, side) for side in shape], indexing="ij")
    terms = (right, anterior, superior, right * anterior, anterior * superior, right**2, anterior**2, superior**2)
    return np.exp(sum(draw.normal(0, 0.25) * term for term in terms))


def compare_heads(folder: Path, raw: Path, heads: int) -> None:
    scans = Cohort.load(folder).scans
    signed = np.stack([unit(signature(read_volume(folder / scan.images["T1w"])[0])) for scan in scans])
    agreement = np.triu(signed @ signed.T, 1)
    pairs = np.argsort(agreement, axis=None)[::-1][:5]
    named = [(scans[place // len(scans)].name, scans[place % len(scans)].name) for place in pairs]
    values = agreement[np.triu_indices(len(scans), 1)]
    print(f"{len(values)} pairs: mean {values.mean():.3f}, standard deviation {values.std():.3f}")
    print(
        "nearest:",
        ", ".join(f"{one} {other} {agreement.flat[at]:.3f}" for (one, other), at in zip(named, pairs, strict=True)),
    )
    for place in range(0, len(scans), max(1, len(scans) // heads)):
        image = nibabel.load(raw / f"{scans[place].name}-T1.nii.gz")
        for word, copy in copies(image).items():
            near = signed @ unit(signature(prepared(copy)))
            print(
                f"{scans[place].name} {word}: itself {near[place]:.3f}, others {np.delete(near, place).max():.3f}",
                flush=True,
            )


def unit(signed: np.ndarray) -> np.ndarray:
    values = signed.astype(np.float32)
    return values / np.linalg.norm(values)


def copies(image):
    voxels = image.get_fdata()
    noise = np.random.default_rng(1).normal(0, 0.05 * np.percentile(voxels, 99), voxels.shape)
    field = smooth_field(np.random.default_rng(2), voxels.shape)
    return {
        "as it is": image,
        "at 1.5 mm": resample_to_output(image, [1.5] * 3, order=3),
        "at 3 mm": resample_to_output(image, [3.0] * 3, order=3),
        "with 5 % noise": nibabel.Nifti1Image(np.abs(voxels + noise).astype(np.float32), image.affine),
        "shaded": nibabel.Nifti1Image((voxels * field).astype(np.float32), image.affine),
    }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
