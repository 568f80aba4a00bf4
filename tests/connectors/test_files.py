"""Files of time, deals, people and rates: what is read, and what a second import changes."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from tieout.connectors.base import Family, Since
from tieout.connectors.files import CONNECTOR, Settings, parse
from tieout.errors import Misconfigured
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.work import Approval

ROOT = Path(__file__).parents[2]

HARVEST = (
    "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,Invoiced?,Approved?,First Name,"
    "Last Name,Roles,Employee?,Billable Rate,Billable Amount,Cost Rate,Cost Amount,Currency,"
    "External Reference URL\n"
)
ADA = (
    '2026-03-31,Contoso,Rollout,R-1,Design,"Said ""ok""\nand 🚀",0.33,Yes,No,Yes,Ada,Lovelace,'
    '"Lead, Developer",Yes,150.10,49.53,60.0,19.8,Pound Sterling - GBP,\n'
)
TOGGL = (
    "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,"
    "End time,Duration,Tags,Amount (USD)\n"
)
PLAIN = "Date,Person,Client,Project,Task,Hours,Notes\n"


def rows(data, file="time.csv", settings=None):
    data = data.encode() if isinstance(data, str) else data
    [parsed] = parse(file, data, settings or Settings())
    return parsed.rows


def facts(data, file="time.csv", settings=None):
    """What a table becomes in the end."""
    data = data.encode() if isinstance(data, str) else data
    [parsed] = parse(file, data, settings or Settings())
    stream = CONNECTOR.stream(parsed.stream)
    return [
        stream.read(
            stream.wire.model_validate(row),
            SourceRef("import", stream.name, stream.key(row)),
            Settings(),
        )
        for row in parsed.rows
    ]


def workbook(*lines, **sheets):
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    for title, cells in sheets.items():
        book.create_sheet(title).append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# -- the tools' exports -----------------------------------------------------------------
def test_a_harvest_export():
    [entry] = facts(HARVEST + ADA)
    assert (entry.person, entry.role, entry.client) == ("Ada Lovelace", "Lead", "Contoso")
    assert (entry.project, entry.task) == ("Rollout", "Design")
    assert (entry.work_date, entry.seconds) == (date(2026, 3, 31), 1188)
    assert (entry.billable, entry.billed_upstream) == (True, False)
    assert entry.approval is Approval.APPROVED
    assert entry.rate == Money(Decimal("150.10"), "GBP")
    assert entry.notes == 'Said "ok"\nand 🚀'
    [row] = rows(HARVEST + ADA)
    assert row["other"]["Project Code"] == "R-1"


def test_harvest_says_what_is_not_approved_and_what_it_invoiced_itself():
    [entry] = facts(HARVEST + ADA.replace("Yes,No,Yes", "No,Yes,No"))
    assert (entry.billable, entry.billed_upstream) == (False, True)
    assert entry.approval is Approval.PENDING


def test_a_harvest_entry_without_a_rate_or_a_last_name():
    [entry] = facts(HARVEST + ADA.replace("150.10", "").replace("Lovelace", ""))
    assert (entry.rate, entry.person) == (None, "Ada")


def test_a_toggl_report():
    row = (
        "Ada,ada@example.com,Contoso,Rollout,,Call,Yes,2026-03-31,23:30:00,2026-04-01,"
        "00:45:30,01:15:30,,\n"
    )
    [entry] = facts(TOGGL + row)
    assert (entry.person, entry.person_ref, entry.notes) == ("Ada", "ada@example.com", "Call")
    assert (entry.work_date, entry.seconds) == (date(2026, 3, 31), 4530)
    assert (entry.approval, entry.billed_upstream) == (Approval.NONE, False)


def test_a_year_of_a_real_firm():
    """412 entries of one firm in 2012: the approved billable hours are 1999.55, exactly."""
    report = ROOT.parent / "shared/data/time-report-2012.csv"
    if not report.exists():
        pytest.skip("the year's report is not part of the project and is not here")
    entries = facts(report.read_bytes(), report.name)
    approved = [e for e in entries if e.billable and e.approval is Approval.APPROVED]
    assert len(entries) == 412
    assert len({entry.id for entry in entries}) == 412
    assert Decimal(sum(entry.seconds for entry in approved)) / 3600 == Decimal("1999.55")


# -- our own layouts --------------------------------------------------------------------
def test_plain_time_with_ids():
    text = (
        "id,date,person,project,hours,billable,approved,rate,currency\n"
        "A-1,2026-03-31,Ada,Rollout,1:30,no,no,100,EUR\n"
        "A-2,31.03.2026,Ada,Rollout,1.5,,yes,,\n"
    )
    one, two = facts(text)
    assert (one.source.remote_id, two.source.remote_id) == ("A-1", "A-2")
    assert (one.seconds, two.seconds, two.work_date) == (5400, 5400, date(2026, 3, 31))
    assert (one.billable, two.billable) == (False, True)
    assert (one.approval, two.approval) == (Approval.PENDING, Approval.APPROVED)
    assert (one.rate, two.rate) == (Money.of(100, "EUR"), None)


def test_a_day_of_more_than_24_hours_is_for_billing_to_judge():
    [entry] = facts(PLAIN + "2026-03-31,Ada,C,P,T,25.5,\n")
    assert entry.seconds == 91_800


def test_deals_keep_every_column():
    text = (
        "Id,Name,Client,Client Id,Amount,Currency,Won,Close Date,Owner,Terms\n"
        'D1,Rollout,Contoso,C7,"12,345.60",USD,yes,2026-01-31,Grace,Net 30\n'
        "D2,Maybe,Acme,,,,no,,,\n"
    )
    won, maybe = facts(text)
    assert (won.amount, won.currency, won.is_won) == (Decimal("12345.60"), "USD", True)
    assert (won.client_ref, won.is_closed, won.fields) == ("C7", True, {"Terms": "Net 30"})
    assert (won.close_date, won.owner) == (date(2026, 1, 31), "Grace")
    assert (maybe.amount, maybe.currency, maybe.is_won) == (None, None, False)
    assert (maybe.is_closed, maybe.lines) == (False, ())


def test_a_deal_of_two_lines_stands_on_two_rows():
    text = (
        "Id,Name,Client,Won,Line Name,Line Code,Line Quantity,Line Price,Line Total,Line Date\n"
        "D1,Rollout,Contoso,yes,Design,DSN,10,150.50,1505,2026-02-01\n"
        "D1,Rollout,Contoso,yes,Build,BLD,,,9000.00,\n"
    )
    [deal] = facts(text)
    design, build = deal.lines
    assert (design.name, design.product_code, design.quantity) == ("Design", "DSN", Decimal(10))
    assert (design.unit_price, design.total) == (Decimal("150.50"), Decimal(1505))
    assert design.service_date == date(2026, 2, 1)
    assert (build.total, build.quantity) == (Decimal(9000), None)
    assert design.id != build.id
    assert facts(text) == [deal]


def test_people():
    text = (
        "Name,Email,Roles,Time Zone,Active\nAda,a@example.com,Lead; Dev,Europe/Paris,no\nBo,,,,\n"
    )
    ada, bo = facts(text)
    assert (ada.roles, ada.active, ada.time_zone) == (("Lead", "Dev"), False, "Europe/Paris")
    assert (bo.roles, bo.active, bo.email) == ((), True, "")


def test_rates():
    [fact] = facts("Role,Rate,Currency,From,To\nLead,150.50,EUR,2026-01-01,\n", "rates.csv")
    assert (fact.rate.amount, fact.rate.currency) == (Decimal("150.50"), "EUR")
    assert (fact.rate.role, fact.rate.card) == ("Lead", "")
    assert (fact.rate.from_date, fact.rate.to_date) == (date(2026, 1, 1), None)
    assert fact.rate.origin == f"import/rates/{fact.source.remote_id}"


# -- the same file again ----------------------------------------------------------------
def test_the_same_file_again_changes_nothing():
    text = PLAIN + "2026-03-31,Ada,C,P,T,1,same\n" * 2 + "2026-03-31,Ada,C,P,T,2,other\n"
    assert rows(text, "a.csv") == rows(text, "b.csv")
    assert len({row["key"] for row in rows(text)}) == 3


def test_corrected_hours_change_that_row_only():
    text = PLAIN + "2026-03-31,Ada,C,P,T,1,same\n2026-03-31,Ada,C,P,T,2,same\n"
    before, after = rows(text), rows(text.replace(",2,same", ",2.5,same"))
    assert [row["key"] for row in before] == [row["key"] for row in after]
    assert before[0] == after[0]
    assert (before[1]["record"]["seconds"], after[1]["record"]["seconds"]) == (7200, 9000)


def test_a_row_added_above_leaves_the_others():
    text = "2026-03-31,Ada,C,P,T,1,one\n"
    [before] = rows(PLAIN + text)
    assert before in rows(PLAIN + "2026-03-30,Bo,C,P,T,1,two\n" + text)


def test_a_note_that_looks_like_two_cells_is_another_row():
    [one] = rows(PLAIN + "2026-03-31,Ada,C,P,a,1,bc\n")
    [other] = rows(PLAIN + "2026-03-31,Ada,C,P,ab,1,c\n")
    assert one["key"] != other["key"]


def test_a_number_written_otherwise_is_the_same_row():
    """The same report as CSV and as Excel lands the same rows."""
    text = "Date,Person,Project,Hours,Rate,Currency\n2026-03-31,Ada,P,1.50,95.00,GBP\n"
    cells = [line.split(",") for line in text.splitlines()]
    cells[1][3:5] = [1.5, 95]
    assert rows(text) == rows(workbook(*cells), "time.xlsx")


def test_a_rate_is_corrected_in_place_and_a_new_one_stands_beside_it():
    head = "Role,Rate,Currency,From\n"
    [old] = rows(head + "Lead,150,EUR,2026-01-01\n")
    corrected, later = rows(head + "Lead,155,EUR,2026-01-01\nLead,160,EUR,2027-01-01\n")
    assert corrected["key"] == old["key"] != later["key"]


def test_a_row_that_is_there_twice_with_its_id_counts_once():
    [row] = rows("Id,Date,Person,Project,Hours\n" + "7,2026-03-31,Ada,P,1\n" * 2)
    assert row["key"] == "7"


# -- encodings, separators, Excel -------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_texts_of_all_kinds(encoding, separator, decimal, end):
    lines = (
        "Date|Person|Project|Hours|Notes",
        f'2026-03-31|"Zoë Müller"|Café|"1{decimal}5"|"a {separator} ""b""{end}c"',
        "||||",
        f'2026-04-01|Bo|Café|"1{"." if decimal == "," else ","}234{decimal}25"|',
        "",
    )
    zoe, bo = facts(end.join(lines).replace("|", separator).encode(encoding))
    assert (zoe.person, zoe.project, zoe.seconds) == ("Zoë Müller", "Café", 5400)
    assert zoe.notes == f'a {separator.strip() or separator} "b"\nc'
    assert bo.seconds == 4_443_300


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1,5", 5400), ("0,33", 1188), ("1.5", 5400), ("25", 90_000), ("1.234,5", 4_444_200),
     ("1:30", 5400), ("0:00:01", 1), ("0.125", 450), ("1 234,5", 4_444_200), ("1'234.5", 4_444_200),
     ("+2", 7200), (".5", 1800), ("1.234.567,0", 4_444_441_200)],
)  # fmt: skip
def test_hours_as_people_write_them(written, seconds):
    [entry] = facts(f"Date;Person;Project;Hours\n2026-03-31;Ada;P;{written}\n")
    assert entry.seconds == seconds


def test_one_number_tells_how_the_others_are_meant():
    text = "Id;Name;Client;Won;Amount\n1;A;C;yes;1.234\n2;B;C;yes;99,50\n"
    assert [deal.amount for deal in facts(text)] == [1234, Decimal("99.50")]


def test_settings_tell_what_a_file_does_not():
    text = "Id;Name;Client;Won;Amount;Close Date\n1;A;C;yes;1.234;03/04/2026\n"
    [deal] = facts(text, settings=Settings(decimal_mark=",", date_order="dmy"))
    assert (deal.amount, deal.close_date) == (1234, date(2026, 4, 3))
    [deal] = facts(text, settings=Settings(decimal_mark=".", date_order="mdy"))
    assert (deal.amount, deal.close_date) == (Decimal("1.234"), date(2026, 3, 4))


def test_an_excel_workbook():
    data = workbook(
        ["Date", "Person", "Project", "Hours", "Billable", "Notes", None],
        [datetime(2026, 3, 31, tzinfo=UTC).replace(tzinfo=None), "Ada", "P", 0.33, True, None],
        [None],
        [date(2026, 4, 1), "Ada", 4711, 8, False, "x"],
        ["2026-04-02", "Ada", "P", timedelta(hours=25), None, None],
        ["2026-04-03", "Ada", "P", time(1, 30), None, None],
        ["2026-04-04", "Ada", "P", 1.125, None, None],
        ["2026-04-05", "Ada", "P", 0.1 + 0.2, None, None],
    )
    entries = facts(data, "time.xlsx")
    assert [entry.seconds for entry in entries] == [1188, 28_800, 90_000, 5400, 4050, 1080]
    assert [entry.billable for entry in entries][:4] == [True, False, True, True]
    assert entries[0].work_date == date(2026, 3, 31)
    assert entries[1].project == "4711"


def test_excel_numbers_are_exact():
    data = workbook(["Rate", "Currency", "Role"], [150.1, "EUR", "Lead"], [0.1 + 0.2, "EUR", "Dev"])
    lead, dev = facts(data, "rates.xlsx")
    assert (lead.rate.amount, dev.rate.amount) == (Decimal("150.1"), Decimal("0.3"))


def test_a_header_alone_is_a_file_without_work():
    assert facts(PLAIN) == []


def test_huge_notes_are_kept():
    notes = "🚀 long; " * 10_000
    [entry] = facts(PLAIN + f'2026-03-31,Ada,C,P,T,1,"{notes}"\n')
    assert entry.notes == notes.strip()


# -- the connector ----------------------------------------------------------------------
def test_files_are_not_pulled():
    since = Since(start=None, end=datetime(2026, 1, 1).astimezone())
    assert CONNECTOR.family is Family.FILES
    for stream in CONNECTOR.streams:
        with pytest.raises(Misconfigured, match="imported"):
            stream.request(since, Settings())


def test_layouts_are_listed_for_people():
    readme = (ROOT / "tieout/connectors/files/README.md").read_text()
    for layout in CONNECTOR.layouts:
        columns = f"| {layout.name} | {', '.join(layout.columns)} | {', '.join(layout.optional)} |"
        assert columns in readme
        assert layout.fits(layout.columns)
        assert CONNECTOR.stream(layout.stream)
