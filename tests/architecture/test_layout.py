"""The plan of the house: docstring, import contract, folders and the page that explains them agree."""

import re
import tomllib
from pathlib import Path

import medical_transformer

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "medical_transformer"
SHARED = ["settings", "errors", "shapes", "contracts"]  # single files, left of every room
FORBIDDEN = {"utils", "util", "helpers", "common", "misc", "core"}


def folders_on_disk() -> set[str]:
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def rooms_of_docstring() -> list[str]:
    text = medical_transformer.__doc__ or ""
    return re.findall(r"^    (\w+) {2,}\S", text, flags=re.MULTILINE)


def layers() -> list[set[str]]:
    """Layers of the import contract, from left to right."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    return [{name.strip() for name in re.split(r"[|:]", layer)} for layer in reversed(contract["layers"])]


def test_the_docstring_lists_every_folder_on_disk() -> None:
    assert set(rooms_of_docstring()) == folders_on_disk()


def test_the_import_contract_lists_every_folder_and_file() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert files == set(SHARED)
    assert set().union(*layers()) == folders_on_disk() | files


def test_the_docstring_keeps_the_order_of_the_import_contract() -> None:
    place = {name: number for number, names in enumerate(layers()) for name in names}
    order = [place[room] for room in rooms_of_docstring()]
    assert order == sorted(order)


def test_the_import_contract_lets_nothing_out() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    assert contract["exhaustive"] is True
    assert "ignore_imports" not in contract


def test_no_folder_or_file_has_a_name_that_says_nothing() -> None:
    names = {path.stem for path in PACKAGE.rglob("*") if path.suffix == ".py" or path.is_dir()}
    assert not names & FORBIDDEN


def test_the_architecture_page_has_a_row_for_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert set(rows) >= folders_on_disk()
    assert [row for row in rows if row in folders_on_disk()] == rooms_of_docstring()


def test_the_tests_mirror_the_folders() -> None:
    extra = {"architecture", "contracts", "journeys", "faults", "real"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders - extra <= folders_on_disk()
