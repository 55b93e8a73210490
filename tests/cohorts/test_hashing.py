import hashlib
from pathlib import Path

from medical_transformer.cohorts.hashing import hash_files


def test_the_hash_of_a_file_is_the_beginning_of_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"voxels")
    assert hash_files([tmp_path / "a.nii"]) == hashlib.sha256(b"voxels").hexdigest()[:16]


def test_a_volume_of_a_series_is_hashed_as_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"voxels")
    assert hash_files([tmp_path / "a.nii[volume=1]"]) == hash_files([tmp_path / "a.nii"])


def test_of_an_analyze_pair_both_files_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_bytes(b"header")
    (tmp_path / "a.img").write_bytes(b"voxels")
    assert hash_files([tmp_path / "a.img[axes=ASL]"]) == hashlib.sha256(b"headervoxels").hexdigest()[:16]
