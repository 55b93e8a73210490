"""The programs are not here: small stand-ins check their arguments and write what the real ones would."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing import FSL, PipelineConfig, prepare_scan, programs
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Volume, resample, write_volume

Pretend = Callable[[str, str], None]
COPY_WHERE_BRIGHT = """
import nibabel, numpy as np
def write(source, target, least):
    image = nibabel.load(source)
    voxels = image.get_fdata()
    nibabel.save(nibabel.Nifti1Image((voxels > least).astype(np.uint8), image.affine), target)
"""


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Install a stand-in: a script that gets its arguments as `given`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!{sys.executable}\nimport os, sys\ngiven = sys.argv[1:]\n{COPY_WHERE_BRIGHT}\n{script}\n")
        path.chmod(0o755)

    return install


BET = """
assert given == ["head.nii.gz", "brain.nii.gz", "-R", "-m", "-n"], given
assert os.environ["FSLOUTPUTTYPE"] == "NIFTI_GZ"
write(given[0], "brain_mask.nii.gz", 100)
"""
HD_BET = """
assert given == ["-i", "head.nii.gz", "-o", "brain.nii.gz", "-device", "cpu", "--disable_tta", "--save_bet_mask",
                 "--no_bet_image"], given
write(given[1], "brain_bet.nii.gz", 100)
"""
SYNTHSTRIP = """
assert given == ["-i", "head.nii.gz", "-m", "mask.nii.gz"], given
write(given[1], given[3], 100)
"""
FAST = """
assert given == ["-t", "1", "-n", "3", "-B", "-o", "seg", "brain.nii.gz"], given
image = nibabel.load("brain.nii.gz")
nibabel.save(nibabel.Nifti1Image((image.get_fdata() * 2).astype("f4"), image.affine), "seg_restore.nii.gz")
"""
FLIRT = """
assert given == ["-in", "brain.nii.gz", "-ref", "template.nii.gz", "-dof", "12", "-omat", "affine.mat"], given
np.savetxt("affine.mat", np.array({matrix}))
"""


@pytest.mark.parametrize(
    ("program", "script", "find"),
    [
        ("bet", BET, programs.fsl_bet_mask),
        ("hd-bet", HD_BET, programs.hd_bet_mask),
        ("mri_synthstrip", SYNTHSTRIP, programs.synthstrip_mask),
        ("nipreps-synthstrip", SYNTHSTRIP, programs.synthstrip_mask),
    ],
)
def test_a_mask_of_an_installed_program_is_read(
    program: str, script: str, find: Callable[..., Volume], pretend: Pretend, brain: Volume
) -> None:
    pretend(program, script)
    np.testing.assert_array_equal(find(brain, "s").voxels, brain.voxels > 100)


@pytest.mark.parametrize(
    ("find", "named"),
    [
        (programs.fsl_bet_mask, "bet is not installed; install FSL"),
        (programs.hd_bet_mask, "hd-bet is not installed"),
        (programs.synthstrip_mask, "mri_synthstrip or nipreps-synthstrip is not installed"),
        (programs.flirt_affine, "flirt is not installed"),
    ],
)
def test_a_missing_program_is_named_with_what_to_do(
    find: Callable[..., object], named: str, pretend: Pretend, brain: Volume
) -> None:
    with pytest.raises(PreparationError, match=named):
        find(brain, "s")


def test_a_program_that_fails_is_told_with_its_last_words(pretend: Pretend, brain: Volume) -> None:
    pretend("bet", "print('no brain', file=sys.stderr); sys.exit(3)")
    with pytest.raises(PreparationError, match=r"scan 7: bet failed \(3\): no brain"):
        programs.fsl_bet_mask(brain, "scan 7")


def test_a_program_that_writes_nothing_is_noticed(pretend: Pretend, brain: Volume) -> None:
    pretend("bet", "")
    with pytest.raises(PreparationError, match=r"wrote no brain_mask\.nii\.gz"):
        programs.fsl_bet_mask(brain, "scan 7")


def test_flirts_matrix_counts_millimetres_from_the_right(pretend: Pretend) -> None:
    # In images whose first axis runs left to right FSL mirrors x: +5 mm there is -5 mm in the world.
    shifted = [[1, 0, 0, 5], [0, 1, 0, -7], [0, 0, 1, 3], [0, 0, 0, 1]]
    pretend("flirt", FLIRT.format(matrix=shifted))
    native_from_template = programs.flirt_affine(load_template().brain, "s")
    expected = np.eye(4)
    expected[:3, 3] = (5, 7, -3)  # the inverse of (-5, -7, 3)
    np.testing.assert_allclose(native_from_template, expected, atol=1e-9)


@pytest.mark.journey
def test_the_papers_own_tools_prepare_a_scan_together(pretend: Pretend, tmp_path: Path) -> None:
    template = load_template()
    identity = np.eye(4).tolist()
    for name, script in (("bet", BET.replace("100", "0")), ("fast", FAST), ("flirt", FLIRT.format(matrix=identity))):
        pretend(name, script)
    noise = np.random.default_rng(0).uniform(-1, -0.1, template.mask.shape).astype(np.float32)  # a head has no zeros
    head = template.brain.with_voxels(np.where(template.mask.voxels, template.brain.voxels, noise))
    write_volume(head, tmp_path / "head.nii.gz")
    prepared = prepare_scan({"T1w": tmp_path / "head.nii.gz"}, FSL)
    assert [step.tool for step in prepared.steps[1:4]] == ["fsl-bet", "fast", "flirt"]
    assert prepared.quality["template_correlation"] > 0.97  # two interpolations of a template at 2 mm lose the rest


def test_a_scan_that_lies_on_the_template_needs_no_registration(tmp_path: Path) -> None:
    template = load_template()
    write_volume(template.brain, tmp_path / "brain.nii.gz")
    config = PipelineConfig(extraction="none", bias_field="none", registration="none")
    prepared = prepare_scan({"T1w": tmp_path / "brain.nii.gz"}, config)
    np.testing.assert_array_equal(prepared.template_from_native, np.eye(4))
    there = resample(prepared.volumes["T1w"], template.brain.grid)
    assert np.corrcoef(there.voxels.ravel(), template.brain.voxels.ravel())[0, 1] > 0.97
