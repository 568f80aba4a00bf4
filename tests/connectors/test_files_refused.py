"""Files that cannot be used: every problem at once, by line, and nothing half read."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from tieout.connectors.files import Settings, parse
from tieout.errors import BadInput

PLAIN = "Date,Person,Project,Hours,Billable,Rate,Currency\n"
HARVEST = (
    "Date,Client,Project,Task,Notes,Hours,Billable?,Invoiced?,Approved?,First Name,Last Name\n"
)


def problems(data, file="time.csv"):
    data = data.encode() if isinstance(data, str) else data
    with pytest.raises(BadInput) as refused:
        parse(file, data, Settings())
    assert refused.value.text == f"{file} cannot be used: nothing of it was imported"
    return [str(problem) for problem in refused.value.problems]


def workbook(*lines, more=()):
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    for line in more:
        book.create_sheet("More").append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WHOLE = workbook(["Date", "Person", "Project", "Hours"], ["2026-03-31", "Ada", "P", 1])
EXCEL = "t.xlsx: the file is not an Excel workbook, or it is cut off; save it again as .xlsx"
GIVE = "give a CSV file or an Excel workbook (.xlsx)"
NO_TABLE = f"the file is not a table; {GIVE}"


# -- cells ------------------------------------------------------------------------------
def test_every_problem_is_listed_with_its_line():
    text = PLAIN + (
        "31/03/2026,Ada,P,1.5,,,\n"
        '2026-03-31,"A\nda",P,-1,maybe,,\n'
        "2026-02-30,,P,ten,,,\n"
        "2026-03-31,Ada,P,1,,5,ZZZ\n"
    )
    assert problems(text) == [
        "time.csv:2: Date: '31/03/2026' can be read in two ways; write 2026-03-31, "
        "or set date_order",
        "time.csv:3: Hours: '-1' is negative; correct the entry it belongs to",
        "time.csv:3: Billable: 'maybe' is neither yes nor no",
        "time.csv:5: Date: '2026-02-30' is not a date; write it like 2026-03-31",
        "time.csv:5: Person: is empty; every row needs it",
        "time.csv:5: Hours: 'ten' is not a number with a decimal point",
        "time.csv:6: Currency: 'ZZZ' is not a currency; write a code like USD",
    ]


@pytest.mark.parametrize("hours", ["NaN", "1e3", "--1", "1.2.3", "1,23,4", "1:75", "+", "٣x"])
def test_hours_that_are_no_number(hours):
    [problem] = problems(f'{PLAIN}2026-03-31,Ada,P,"{hours}",,,\n')
    assert problem.startswith(f"time.csv:2: Hours: '{hours}' is not a number with a decimal ")


def test_empty_hours_are_not_zero():
    assert problems(PLAIN + "2026-03-31,Ada,P,,,,\n") == [
        "time.csv:2: Hours: is empty; every row needs it"
    ]


def test_a_rate_needs_a_currency_and_is_not_negative():
    text = (
        "Rate,Currency,Role,From,To\n100,,Lead,,\n-1,EUR,Lead,,\n1,EUR,Lead,2026-02-01,2026-01-31\n"
    )
    assert problems(text, "rates.csv") == [
        "rates.csv:2: the rate 100 has no currency; fill in the column 'Currency'",
        "rates.csv:3: the rate -1 is negative; write the rate of one hour",
        "rates.csv:4: the rate ends on 2026-01-31, before it starts on 2026-02-01",
    ]


def test_a_thousand_is_not_guessed():
    text = "Id;Name;Client;Won;Amount\n1;A;C;yes;1.234\n2;B;C;yes;12\n"
    assert problems(text) == [
        "time.csv:2: '1.234' can be read in two ways, and no other number tells which; "
        "write numbers without a mark for thousands, or set decimal_mark"
    ]


def test_a_file_writes_its_numbers_in_one_way():
    text = 'Id,Name,Client,Won,Amount\n1,A,C,yes,1.5\n2,B,C,yes,"1,5"\n3,C,C,yes,"2.000,00"\n'
    why = "but '1.5' in line 2 a decimal point; write all numbers in one way"
    found = problems(text)
    assert f"time.csv:3: '1,5' has a decimal comma, {why}" in found
    assert f"time.csv:4: '2.000,00' has a decimal comma, {why}" in found


def test_deals_and_people_that_cannot_be():
    text = "Id,Name,Client,Won,Line Name,Line Total\n1,A,C,yes,,5\n,A,C,yes,,\n"
    assert problems(text, "d.csv") == [
        "d.csv:2: the row has a deal line without a name; fill in the column 'Line Name'",
        "d.csv:3: Id: is empty; every row needs it",
    ]
    assert problems("Name,Time Zone\nAda,Paris\n", "p.csv") == [
        "p.csv:2: 'Paris' is not a time zone; write one like Europe/Paris"
    ]
    row = "2026-03-31,C,P,T,,1,Yes,No,Yes,,\n"
    assert problems(HARVEST + row) == [
        "time.csv:2: the row names no person; fill in 'First Name' or 'Last Name'"
    ]


# -- ids --------------------------------------------------------------------------------
def test_one_id_with_two_contents():
    text = "Id,Date,Person,Project,Hours\n7,2026-03-31,Ada,P,1\n7,2026-03-31,Ada,Q,2\n"
    assert problems(text) == [
        "time.csv:3: the id '7' is in line 2 too, with another project, seconds; "
        "keep one, or give each its own id"
    ]


def test_one_id_with_another_cell_that_is_only_kept():
    text = "Id,Date,Person,Project,Hours,seconds\n7,2026-03-31,Ada,P,1,a\n7,2026-03-31,Ada,P,1,b\n"
    assert problems(text) == [
        "time.csv:3: the id '7' is in line 2 too, with another 'seconds'; "
        "keep one, or give each its own id"
    ]


def test_rows_of_one_deal_must_agree_on_the_deal():
    text = (
        "Id,Name,Client,Won,Amount,Line Name,Terms\n"
        "7,A,C,yes,100,One,Net 30\n"
        "7,A,C,yes,200,Two,Net 60\n"
    )
    assert problems(text, "d.csv") == [
        "d.csv:3: the id '7' is in line 2 too, with another amount, fields; "
        "keep one, or give each its own id"
    ]


# -- columns ----------------------------------------------------------------------------
def test_a_missing_column_is_named_with_the_nearest_found():
    [problem] = problems(HARVEST.replace("Hours", "Houres") + "x,\n".replace("x,", "," * 10))
    assert problem == (
        "time.csv:1: looks like 'harvest detailed time', but the column 'Hours' is missing; "
        "the nearest column is 'Houres': rename it"
    )
    [problem] = problems("Date,Person,Project\n")
    assert problem == "time.csv:1: looks like 'time', but the column 'Hours' is missing; add it"


def test_a_column_that_rates_do_not_have():
    assert problems("Rate,Currency,Rolle\n1,EUR,x\n", "r.csv") == [
        "r.csv:1: looks like 'rates', which has no column 'Rolle'; rename it or remove it"
    ]


def test_columns_of_no_layout():
    [problem] = problems("Invoice,Total\n1,2\n")
    assert problem.startswith(
        "time.csv:1: no layout has the columns Invoice, Total; what each needs"
    )
    assert "; time: Date, Person, Project, Hours; deals: Id, Name, Client, Won; " in problem


def test_columns_there_twice_or_without_a_name():
    assert problems("Date,Person,,Hours,hours?\n2026-03-31,Ada,P,1,1\n") == [
        "time.csv:1: column 3 has no name; name it or remove it",
        "time.csv:1: column 'hours?' is there twice (4 and 5); keep one",
    ]


def test_rows_that_do_not_fit_the_header():
    text = PLAIN + "2026-03-31,Ada\n2026-03-31,Ada,P,1,,,,x\n2026-03-31,Ada,P,1,,,,\n"
    why = "a cell that holds the separator needs quotes, or the row is cut off or shifted"
    assert problems(text) == [
        f"time.csv:2: 2 cells where the header has 7: {why}",
        f"time.csv:3: 8 cells where the header has 7: {why}",
    ]


# -- quotes and bytes -------------------------------------------------------------------
def test_a_quote_that_is_not_closed():
    text = PLAIN + '2026-03-31,Ada,P,1,,,\n2026-03-31,"Ada,P,1,,,\n2026-03-31,Bo,P,1,,,\n'
    assert problems(text) == [
        "time.csv:3: a quote that opens here is never closed; close it, or the file is cut off"
    ]


def test_text_after_a_quote():
    assert problems(PLAIN + '2026-03-31,"15" rack",P,1,,,\n') == [
        'time.csv:2: text follows a closing quote; write a quote inside a cell twice: 15"" rack'
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "t.xlsx: the file is empty; " + GIVE),
        (b" \n\t\n", "t.xlsx: the file is empty; " + GIVE),
        (
            b",,,\n,,,\n",
            "t.xlsx: the file has no rows; " + GIVE,
        ),
        (b"%PDF-1.7\n\x00\x01\x02", f"t.xlsx:2: the character U+0000 is no text: {NO_TABLE}"),
        (b"a,b\n\xd0\xcf\x11\xe0", f"t.xlsx:2: the character U+0011 is no text: {NO_TABLE}"),
        (
            "Né,b\n1,".encode() + b"\xff\n",
            "t.xlsx:2: the byte 0xFF is no text: the file is damaged or cut off; "
            "export it again as UTF-8",
        ),
        (
            "Date,Person\nx,Zoë,Zoë".encode()[:-1],
            "t.xlsx:2: the byte 0xC3 is no text: the file is damaged or cut off; "
            "export it again as UTF-8",
        ),
        (
            b"a,b\n1,\x81\n",
            "t.xlsx:2: the byte 0x81 is no text: the file is damaged or cut off; "
            "export it again as UTF-8",
        ),
        (
            "a,b\n1,2".encode("utf-16")[:-1],
            "t.xlsx:2: the byte 0x32 is no text: the file is damaged or cut off; "
            "export it again as UTF-8",
        ),
        (WHOLE[: len(WHOLE) // 2], EXCEL),
        (b"PK\x03\x04 not really", EXCEL),
        (WHOLE.replace(b"[Content_Types].xml", b"[Content_Typed].xml"), EXCEL),
    ],
)
def test_files_that_are_no_tables(data, problem):
    assert problems(data, "t.xlsx") == [problem]


# -- Excel ------------------------------------------------------------------------------
def test_two_sheets_with_data():
    data = workbook(["Name"], ["Ada"], more=[["Name"]])
    assert problems(data, "t.xlsx") == [
        "t.xlsx: 2 sheets hold data; keep one in the file, or save each as its own"
    ]


def test_formulas_without_a_result_and_with_an_error():
    data = workbook(["Rate", "Currency", "Role"], ["=100+5", "EUR", "Lead"], ["#REF!", "EUR", "x"])
    assert problems(data, "t.xlsx") == [
        "t.xlsx:2: the formula in A2 has no result; open and save it in Excel",
        "t.xlsx:3: A3 shows #REF!; mend its formula in Excel",
    ]


def test_cells_of_a_workbook_are_named_by_their_row():
    data = workbook(["Date", "Person", "Project", "Hours"], [], ["2026-04-03", "Ada", "P", "1,5"])
    assert problems(data, "t.xlsx") == [
        "t.xlsx:3: Hours: '1,5' is not a number with a decimal point"
    ]


def test_a_workbook_that_unpacks_to_too_much():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"")
    data = bytearray(out.getvalue())
    size = data.index(b"PK\x01\x02") + 24  # the size it claims to unpack to
    data[size : size + 4] = (600 * 1024 * 1024).to_bytes(4, "little")
    assert problems(bytes(data), "t.xlsx") == [
        "t.xlsx: the workbook is too large; split it, or save it as CSV"
    ]
