import importlib
import struct
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


@pytest.mark.parametrize("name", ["table.csv", "table.tsv"])
def test_a_quote_that_is_never_closed_is_refused_by_its_line(tmp_path: Path, name: str) -> None:
    content = 'id,note\n1,"a\nb"\n2,"c\n3,d\n4,e\n'.replace(",", "\t" if name.endswith("tsv") else ",")
    with pytest.raises(CohortError, match=rf"{name} is not a readable table: in what begins at line 4, a quotation"):
        read_raw_table(write(tmp_path, content, name))


def test_a_quote_that_the_next_quoted_cell_seems_to_close_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="begins at line 2"):
        read_raw_table(write(tmp_path, 'id,note\n1,"a\n2,"b"\n'))


def test_quotes_inside_cells_and_blanks_after_them_are_read(tmp_path: Path) -> None:
    table = read_raw_table(write(tmp_path, 'id,note,height\n"1" ,"say ""a"" b" ,5\'10"\n2,x "y" z,"6" \n'))
    assert table.rows[0].cells == {"id": "1", "note": 'say "a" b', "height": "5'10\""}
    assert table.rows[1].cells == {"id": "2", "note": 'x "y" z', "height": "6"}


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


def xls(rows: list[list[str | float | None]]) -> bytes:
    """Write a sheet in the oldest form of .xls (BIFF2): a record per cell, with row, column and value."""
    records = [struct.pack("<HHHH", 0x0009, 4, 7, 0x0010)]
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            place = struct.pack("<HHxxx", row, column)
            if isinstance(cell, str):
                text = place + struct.pack("<B", len(cell)) + cell.encode("latin-1")
                records.append(struct.pack("<HH", 0x0004, len(text)) + text)
            elif cell is not None:
                records.append(struct.pack("<HH", 0x0003, 15) + place + struct.pack("<d", cell))
    return b"".join([*records, struct.pack("<HH", 0x000A, 0)])


def test_whole_numbers_of_an_xls_with_gaps_stay_whole(tmp_path: Path) -> None:
    """IXI.xls keeps every number as a floating point number and leaves ages empty."""
    table = read_raw_table(write(tmp_path, xls([["IXI_ID", "AGE"], [2.0, 35.8], [3.0, None]]), "IXI.xls"))
    assert [row.cells for row in table.rows] == [{"IXI_ID": "2", "AGE": "35.8"}, {"IXI_ID": "3"}]


def test_of_several_sheets_the_one_called_table_is_read(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "IXI.xlsx") as book:
        pd.DataFrame({"ID": [1], "Ethnicity": ["White"]}).to_excel(book, sheet_name="Ethnicity", index=False)
        pd.DataFrame({"IXI_ID": [2], "AGE": [35.8]}).to_excel(book, sheet_name="Table", index=False)
    assert read_raw_table(tmp_path / "IXI.xlsx").columns == ("IXI_ID", "AGE")


def test_a_parquet_table_is_read_as_a_csv_would_be(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["007", "8"], "age": [35.5, None]}).to_parquet(tmp_path / "people.parquet")
    table = read_raw_table(tmp_path / "people.parquet")
    assert [row.cells for row in table.rows] == [{"id": "007", "age": "35.5"}, {"id": "8"}]


@pytest.mark.parametrize(("module", "name"), [("xlrd", "a.xls"), ("openpyxl", "a.xlsx"), ("pyarrow", "a.parquet")])
def test_a_missing_extra_is_named(tmp_path: Path, module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"id": [1]})
    if name.endswith(".xls"):
        write(tmp_path, xls([["id"], [1.0]]), name)
    else:
        frame.to_excel(tmp_path / name) if name.endswith(".xlsx") else frame.to_parquet(tmp_path / name)
    real = importlib.import_module

    def without(wanted: str, *others: object) -> object:
        if wanted.split(".", maxsplit=1)[0] == module:
            raise ImportError(f"no {module}")
        return real(wanted, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(CohortError, match=r"medical-transformer\[tables\]"):
        read_raw_table(tmp_path / name)


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


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", bytes(range(256)) * 9, "is no text, whatever its name says"),
        ("a.xls", bytes(range(256)) * 9, "is not a readable table"),
        ("a.bin", b"id,age\n1,2\n", r"\.bin is no known kind of table"),
        ("a", b"id,age\n1,2\n", "a file without an ending is no known kind of table"),
    ],
)
def test_what_is_no_table_is_named_with_the_kinds_that_are(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CohortError, match=rf"{name}.*{said}; tables are read as \.csv, \.tsv"):
        read_raw_table(tmp_path / name)


def test_a_table_that_excel_saved_as_unicode_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("id\tage\n1\t20,5\n", encoding="utf-16")
    assert read_raw_table(tmp_path / "a.txt").rows[0].number_in("age") == 20.5
