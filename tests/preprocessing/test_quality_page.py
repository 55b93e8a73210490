import json
import re
from pathlib import Path
from typing import Any

from medical_transformer.cohorts import Verdict
from medical_transformer.preprocessing.quality import judge
from medical_transformer.preprocessing.quality_page import Row, write_quality_page


def page(tmp_path: Path, volumes_ml: list[float]) -> tuple[str, Any]:
    rows = []
    for place, brain_ml in enumerate(volumes_ml):
        verdict, reason = judge({"brain_ml": brain_ml})
        rows.append(Row(f"s<{place}>", verdict, reason, f"figures/s{place}.png", {"brain_ml": brain_ml}))
    write_quality_page(tmp_path / "quality.html", "</script><b>", rows)
    text = (tmp_path / "quality.html").read_text(encoding="utf-8")
    return text, json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])


def test_the_page_loads_nothing_from_elsewhere_and_escapes_names(tmp_path: Path) -> None:
    text, data = page(tmp_path, [1400.0, 1500.0])
    assert "http" not in text
    assert "</script><b>" not in text
    assert [scan["scan"] for scan in data["scans"]] == ["s<0>", "s<1>"]
    assert data["scans"][1]["figure"] == "figures/s1.png"


def test_limits_and_distance_from_the_median_mark_different_scans(tmp_path: Path) -> None:
    ordinary = [1400.0 + 5 * place for place in range(30)]
    text, data = page(tmp_path, [*ordinary, 1950.0, 850.0, 300.0])
    far, small, tiny = data["scans"][-3:]
    assert (far["verdict"], far["beyond"], far["farKeys"]) == ("prepared", [], ["brain_ml"])
    assert (small["verdict"], small["beyond"]) == ("warned", ["brain_ml"])
    assert tiny["verdict"] == Verdict.REFUSED
    assert not any(scan["farKeys"] for scan in data["scans"][:30])
    assert "good: 900 to 2100 · refused outside 400 to 2600" in text


def test_few_scans_have_no_median_to_be_far_from(tmp_path: Path) -> None:
    _, data = page(tmp_path, [1400.0, 1401.0, 1402.0, 1950.0])
    assert not any(scan["farKeys"] for scan in data["scans"])


def test_scans_are_sorted_by_their_distance_only_where_there_is_one_and_else_by_the_first_number(
    tmp_path: Path,
) -> None:
    def sorting(volumes_ml: list[float]) -> list[str]:
        text, _ = page(tmp_path, volumes_ml)
        (chosen,) = re.findall(r'<option value="(\w+)" selected>', text)
        keys = re.findall(r'<option value="(\w+)"', text.partition("</select>")[0])
        assert keys[0] == chosen
        return keys

    assert sorting([1400.0 + place for place in range(20)]) == ["far", "brain_ml", "scan"]
    assert sorting([1400.0 + place for place in range(19)]) == ["brain_ml", "scan"]
    assert sorting([]) == ["scan"]
