import re
from pathlib import Path

import pytest

from medical_transformer.cohorts import Scan
from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing import BRATS, DEFAULT
from medical_transformer.preprocessing.names import ScanFiles, refuse_shared_files

ENTITIES = re.compile(r"^sub-[A-Za-z0-9]+(_[a-z]+-[A-Za-z0-9]+)*(_[A-Za-z0-9]+)?$")


def scan(subject: str, name: str, session: str | None = None) -> Scan:
    return Scan(subject=subject, name=name, session=session, images={"T1w": Path("x.nii.gz")})


def test_a_plain_scan_is_filed_as_bids_files_it() -> None:
    files = ScanFiles.of(scan("sub-01", "sub-01_ses-2", "ses-2"), DEFAULT)
    assert files.folder == Path("sub-01/ses-2/anat")
    assert files.image("T1w").name == "sub-01_ses-2_space-MNI152NLin2009cAsym_res-2_desc-preproc_T1w.nii.gz"
    assert files.native_brain_mask.name == "sub-01_ses-2_desc-brain_mask.nii.gz"


@pytest.mark.parametrize("name", ["IXI012-HH-1211", "a.b_c", "BraTS20_Training_901", "s-1"])
@pytest.mark.parametrize("session", [None, "m06-x"])
def test_every_name_becomes_bids_entities(name: str, session: str | None) -> None:
    files = ScanFiles.of(scan("subj.7", name, session), BRATS)
    paths = [files.image(word) for word in ("T1w", "T1ce", "T2w", "FLAIR")]
    for path in (*paths, files.brain_mask, files.segmentation, files.sidecar, files.transform):
        assert ENTITIES.match(path.name.split(".")[0]), path.name
    assert len(set(paths)) == 4


def test_names_that_differ_in_their_separators_only_get_files_of_their_own() -> None:
    stems = {ScanFiles.of(scan("s1", name), DEFAULT).stem for name in ("a-b", "a_b", "a.b", "ab")}
    assert len(stems) == 4


def test_two_scans_that_would_share_files_are_refused() -> None:
    with pytest.raises(PreparationError, match="'01' and 'sub-01' would share"):
        refuse_shared_files([scan("01", "01"), scan("sub-01", "sub-01")], DEFAULT)


def test_another_grid_is_filed_under_another_name() -> None:
    one = scan("s1", "s1")
    pooled = DEFAULT.model_copy(update={"pool": 1})
    assert len({ScanFiles.of(one, config).sidecar for config in (DEFAULT, pooled, BRATS)}) == 3
