"""The bytes of a CSV or Excel file become a table of texts with line numbers. Pure.

Encodings: UTF-8 with or without a mark, UTF-16 with one, else Windows-1252. Separators:
comma, semicolon, tab. Excel: the one sheet with data, with the values its formulas last had.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import openpyxl

from tieout.errors import BadInput, Problem

Records = list[tuple[int, list[str]]]  # (1-based line as an editor or Excel shows it, cells)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_AGAIN = "give a CSV file or an Excel workbook (.xlsx)"
_NOT_EXCEL = (
    zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError, OSError,
    SyntaxError, RuntimeError, AttributeError,
)  # fmt: skip
_EXCEL_ERRORS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}
_UNPACKED_LIMIT = 512 * 1024 * 1024  # bytes an Excel file may unpack to


@dataclass(frozen=True, slots=True)
class Table:
    """A header and its rows, each complete. Blank rows are left out."""

    name: str
    header: tuple[str, ...]
    header_line: int
    rows: tuple[tuple[int, dict[str, str]], ...]  # (line, cells by column)
    decimal_mark: str  # "." where the format itself stores numbers (Excel), "" where they are typed


def read_table(name: str, data: bytes) -> Table:
    """The table in a file; `name` is how a person knows it.

    Raises BadInput with every problem: an empty, binary or cut-off file, a row with more or
    fewer cells than the header, a column that is there twice. Nothing is half read.
    """
    if not data.strip():
        raise refused(name, [Problem(name, 0, f"the file is empty; {_AGAIN}")])
    excel = data.startswith(b"PK\x03\x04")
    records, problems = _excel(name, data) if excel else _csv(name, _text(name, data))
    filled = [(line, cells) for line, cells in records if any(cells)]
    if not filled:
        raise refused(name, problems or [Problem(name, 0, f"the file has no rows; {_AGAIN}")])
    header_line, names = filled[0]
    width = max(place for place, column in enumerate(names, 1) if column)
    header = names[:width]
    problems += _header_problems(name, header_line, header)
    rows = []
    for line, cells in filled[1:]:
        whole = cells + [""] * (width - len(cells)) if excel else cells
        if len(whole) < width or any(whole[width:]):
            why = "a cell that holds the separator needs quotes, or the row is cut off or shifted"
            text = f"{len(cells)} cells where the header has {width}: {why}"
            problems.append(Problem(name, line, text))
        rows.append((line, dict(zip(header, whole, strict=False))))
    if problems:
        raise refused(name, problems)
    return Table(name, tuple(header), header_line, tuple(rows), "." if excel else "")


def refused(name: str, problems: list[Problem]) -> BadInput:
    """The error that refuses a whole file, its problems in the order of its lines."""
    ordered = sorted(problems, key=lambda problem: problem.line)
    return BadInput(f"{name} cannot be used: nothing of it was imported", tuple(ordered))


def folded(column: str) -> str:
    """A column's name without case, underscores, extra spaces and a closing question mark."""
    return " ".join(column.casefold().replace("_", " ").rstrip("?").split())


def _header_problems(name: str, line: int, header: list[str]) -> list[Problem]:
    places: dict[str, int] = {}
    texts = []
    for place, column in enumerate(header, 1):
        first = places.setdefault(folded(column), place)
        if not column:
            texts.append(f"column {place} has no name; name it or remove it")
        elif first != place:
            texts.append(f"column '{column}' is there twice ({first} and {place}); keep one")
    return [Problem(name, line, text) for text in texts]


# -- text -------------------------------------------------------------------------------
def _text(name: str, data: bytes) -> str:
    marked = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(marked)
    except UnicodeDecodeError as error:
        # Letters that were UTF-8 so far prove that the odd byte is damage, not Windows-1252.
        told = marked == "utf-16" or not data[: error.start].removeprefix(b"\xef\xbb\xbf").isascii()
        try:
            text = data.decode(marked if told else "cp1252")
        except UnicodeDecodeError as odd:
            line = data.count(b"\n", 0, odd.start) + 1
            what = f"the byte 0x{data[odd.start]:02X} is no text: the file is damaged or cut off"
            raise refused(
                name, [Problem(name, line, f"{what}; export it again as UTF-8")]
            ) from None
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        what = f"the character U+{ord(found[0]):04X} is no text: the file is not a table"
        raise refused(name, [Problem(name, line, f"{what}; {_AGAIN}")])
    return text


def _csv(name: str, text: str) -> tuple[Records, list[Problem]]:
    def width(mark: str) -> int:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
        return len(next((row for row in rows if row), []))

    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=width), strict=True
    )
    records: Records = []
    line = 1
    try:
        for cells in reader:
            records.append((line, [_clean(cell) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        if "expected after" in str(error):
            why = 'text follows a closing quote; write a quote inside a cell twice: 15"" rack'
        else:
            why = "a quote that opens here is never closed; close it, or the file is cut off"
        return records, [Problem(name, line, why)]
    return records, []


def _clean(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.replace("\r\n", "\n")).strip()


# -- Excel ------------------------------------------------------------------------------
def _excel(name: str, data: bytes) -> tuple[Records, list[Problem]]:
    try:
        unpacked = sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist())
        if unpacked > _UNPACKED_LIMIT:
            what = "the workbook is too large; split it, or save it as CSV"
            raise refused(name, [Problem(name, 0, what)])
        results, formulas = _sheets(data, results=True), _sheets(data, results=False)
    except _NOT_EXCEL:
        what = "the file is not an Excel workbook, or it is cut off; save it again as .xlsx"
        raise refused(name, [Problem(name, 0, what)]) from None
    filled = [
        pair
        for pair in zip(results, formulas, strict=True)
        if any(cell.value is not None for row in pair[1] for cell in row)
    ]
    if len(filled) > 1:
        what = f"{len(filled)} sheets hold data; keep one in the file, or save each as its own"
        raise refused(name, [Problem(name, 0, what)])
    problems, records = [], []
    for sheet, source in filled:
        for line, (row, written) in enumerate(zip(sheet, source, strict=True), 1):
            texts = [text for pair in zip(row, written, strict=True) if (text := _wrong(*pair))]
            problems += [Problem(name, line, text) for text in texts]
            records.append((line, [_cell_text(cell.value) for cell in row]))
    return records, problems


def _sheets(data: bytes, *, results: bool) -> list[list[tuple[Any, ...]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and the like, which we do not read
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=results)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some writers state them wrong
        return [list(sheet.iter_rows()) for sheet in book.worksheets]


def _wrong(cell: Any, formula: Any) -> str:
    # A formula whose result is an empty text has no value either, but says it is text.
    if cell.value is None and formula.value is not None and cell.data_type != "str":
        return f"the formula in {formula.coordinate} has no result; open and save it in Excel"
    if cell.value in _EXCEL_ERRORS:
        return f"{cell.coordinate} shows {cell.value}; mend its formula in Excel"
    return ""


def _cell_text(value: Any) -> str:
    """An Excel cell as a person would type it. Excel's numbers carry 15 digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(value // timedelta(seconds=1), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, int | str):
        return _clean(str(value))
    return f"{Decimal(f'{value:.15g}'):f}"
