import hashlib
from pathlib import Path

from medical_transformer.cohorts import Scan
from medical_transformer.cohorts.hashing import hash_scan


def test_the_hash_of_one_image_is_the_beginning_of_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"voxels")
    scan = Scan(subject="a", name="a", images={"T1w": Path("a.nii")})
    assert hash_scan(scan, tmp_path) == hashlib.sha256(b"voxels").hexdigest()[:16]


def test_the_hash_does_not_depend_on_the_order_in_which_modalities_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    one = Scan(subject="a", name="a", images={"T1w": Path("a"), "T2w": Path("b")})
    other = Scan(subject="a", name="a", images={"T2w": Path("b"), "T1w": Path("a")})
    assert hash_scan(one, tmp_path) == hash_scan(other, tmp_path)
