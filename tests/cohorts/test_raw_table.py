from pathlib import Path

import pandas as pd
import pytest

from medical_transformer.cohorts.raw_table import as_number, as_whole, read_raw_table
from medical_transformer.errors import CohortError


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_stray_spaces_in_the_header_and_the_cells_are_dropped(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, "SUB_ID, AGE_AT_SCAN ,SEX\n29006, 48.0 ,1\n"))
    assert table.rows[0].cells == {"SUB_ID": "29006", "AGE_AT_SCAN": "48.0", "SEX": "1"}


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert read_raw_table(write(tmp_path, "id,age\n1,2\n".encode("utf-8-sig"))).columns == ("id", "age")


def test_latin_1_letters_are_read(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, "id,site\n1,Z\xfcrich\n".encode("latin-1")))
    assert table.rows[0].text("site") == "Zürich"


def test_semicolons_separate_and_decimal_commas_become_points(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, 'id;age;note\n7;35,8;"a; b, c"\n'))
    assert table.rows[0].number_in("age") == 35.8
    assert table.rows[0].text("note") == "a; b, c"


def test_a_comma_inside_a_quoted_header_does_not_split_it(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, 'IXI_ID,"SEX_ID (1=m, 2=f)",AGE\n2,2,35.8\n'))
    assert table.columns == ("IXI_ID", "SEX_ID (1=m, 2=f)", "AGE")


@pytest.mark.parametrize("cell", ["", " ", "-9999", "NA", "n/a", "NaN", "null", "-9999.0"])
def test_a_missing_cell_is_absent(tmp_path: Path, cell: str) -> None:
    assert read_raw_table(write(tmp_path, f"id,age\n1,{cell}\n")).rows[0].text("age") is None


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, "id\na\n\nb\n"))
    assert [row.where for row in table.rows] == ["table.csv row 2", "table.csv row 4"]


def test_unnamed_and_doubled_columns_get_names_of_their_own(tmp_path: Path) -> None:
    assert read_raw_table(write(tmp_path, ",id,id\n0,1,2\n")).columns == ("column_1", "id", "id.3")


def test_a_row_wider_than_the_header_is_refused_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"table\.csv row 3 has 3 cells under 2 columns"):
        read_raw_table(write(tmp_path, "id,name\n1,a\n2,b,c\n"))


@pytest.mark.parametrize("content", ["", "\n", " , \n"])
def test_a_table_without_a_header_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(CohortError, match="empty"):
        read_raw_table(write(tmp_path, content))


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="no such table"):
        read_raw_table(tmp_path / "IXI.csv")


def test_an_unreadable_spreadsheet_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="save the table as CSV"):
        read_raw_table(write(tmp_path, b"no spreadsheet", "IXI.xls"))


def test_whole_numbers_of_a_spreadsheet_with_gaps_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"IXI_ID": [2, None], "AGE": [35.8, None]})
    monkeypatch.setattr(pd, "read_excel", lambda path: frame)
    table = read_raw_table(write(tmp_path, b"", "IXI.xls"))
    assert table.rows[0].cells == {"IXI_ID": "2", "AGE": "35.8"}
    assert table.rows[1].cells == {}


def test_an_absent_column_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, "id,age\n1,2\n"))
    with pytest.raises(CohortError, match=r"no column 'IXI_ID'; it has: id, age"):
        table.require("IXI_ID")


@pytest.mark.parametrize("text", ["002", "2", "2.0", "+2"])
def test_a_whole_number_is_read_however_it_is_padded(text: str) -> None:
    assert as_whole(text) == 2


@pytest.mark.parametrize("text", [None, "", "2.5", "two", "nan"])
def test_what_is_no_whole_number_is_none(text: str | None) -> None:
    assert as_whole(text) is None


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "89+", None])
def test_what_is_no_finite_number_is_none(text: str | None) -> None:
    assert as_number(text) is None
