"""Credit, void and correct as somebody types them, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.desk import Desk, new_desk, with_january_pushed


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder: Path = tmp_path_factory.mktemp("desk")
    return with_january_pushed(new_desk(folder))


def test_each_command_answers_people_and_programs(desk: Desk) -> None:
    (row,) = desk.json("credit INV-2026-0001 --line L001 --reason agreed")
    assert (row["kind"], row["status"], row["number"], row["lines"]) == (
        "credit_note",
        "draft",
        "",
        1,
    )
    assert [one["id"] for one in desk.json("credit INV-2026-0001 --drop")] == [row["id"]]
    said = desk("credit INV-2026-0001 --release")
    assert said.exit_code == 0
    assert "then its work is billable again" in said.output
    (approved,) = desk.json("approve --all")
    assert (approved["number"], approved["kind"]) == ("CN-2026-0001", "credit_note")
    assert desk.json("void INV-2026-0002") == {
        "number": "INV-2026-0002", "status": "pushed", "to_be_sent": True,
    }  # fmt: skip
    assert desk.json("correct INV-2026-0003 --due 2026-05-31") == {
        "number": "INV-2026-0003", "memo": "", "due_date": "2026-05-31",
    }  # fmt: skip
    planned = desk.json("plan")["writes"]
    assert [(write["writer"], write["name"]) for write in planned] == [
        ("credit_note", "CN-2026-0001"),
        ("allocation", "CN-2026-0001"),
        ("void", "INV-2026-0002"),
        ("correction", "INV-2026-0003"),
    ]
    desk.all_of("push", "pullback")
    status = {one["number"]: one["status"] for one in desk.json("invoices")}
    assert status == {
        "CN-2026-0001": "pushed",
        "INV-2026-0001": "credited",
        "INV-2026-0002": "void",
        "INV-2026-0003": "pushed",
    }
    due = {one["number"]: one["due_date"] for one in desk.json("invoices")}
    assert due["INV-2026-0003"] == "2026-05-31"
    told = desk.json("explain CN-2026-0001")
    assert told["about"][0].startswith("Credits INV-2026-0001 over ")


@pytest.mark.parametrize("more", ["", " --amount 5", " --client Fernhill --rate 3"])
def test_what_may_not_be_corrected_is_refused_with_the_way_out(desk: Desk, more: str) -> None:
    result = desk(f"correct INV-2026-0003{more}")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: An approved document never changes: only its memo and its due date may be "
        "corrected. For anything else credit it with `tieout credit INV-2026-0003`, then bill the "
        "work again.\n"
    )


def test_a_refusal_is_json_too_and_mixed_options_are_usage(desk: Desk) -> None:
    said = desk.json("credit INV-2026-0099", code=1)["error"]
    assert said["text"] == "There is no invoice INV-2026-0099; `tieout invoices` lists them."
    mixed = desk("credit INV-2026-0001 --drop --release")
    assert mixed.exit_code == 2
    assert "--drop drops drafts and makes none" in mixed.stderr
