"""The guards of the product, each with the text that removes it and the tests that notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """`guard` stands once in `file`; with `instead` in its place, one of `tests` must fail."""

    name: str
    file: str
    guard: str
    instead: str
    tests: tuple[str, ...]


OUTBOX = "tests/store/test_outbox.py"
TWICE = "tests/scenarios/test_never_twice.py"
CUT_BATCH = (
    f"{TWICE}::test_a_batch_cut_before_the_commit_goes_again_after_two_looks_with_the_same_bytes"
)
MONTH = "tests/scenarios/test_month_end.py"
STORIES = "tests/sim/test_stories.py"
DOCUMENTS = "tests/store/test_documents.py"
ENGINE = "tests/store/test_engine.py"
FACTS = "tests/store/test_facts.py"
TRANSPORT = "tests/connectors/test_transport.py"
AUTH = "tests/connectors/test_auth.py"
WEBHOOK = "tests/connectors/test_webhook.py"
RECEIVING = "tests/web/test_receiving.py"
HEEDING = "tests/web/test_heeding.py"

CREDIT = "tests/scenarios/test_credit.py"
VOID = "tests/scenarios/test_void.py"
TAXES = "tests/scenarios/test_taxes.py"
SHEETS = "tests/scenarios/test_timesheet.py"

GUARDS = (
    # -- never twice ---------------------------------------------------------------------
    Guard(
        "work on one live line only",
        "tieout/store/migrations/versions/0002_documents.py",
        """        "billed_work_live_unique",
        "billed_work",
        ["work_id"],
        unique=True,""",
        """        "billed_work_live_unique",
        "billed_work",
        ["work_id"],
        unique=False,""",
        (DOCUMENTS,),
    ),
    Guard(
        "one row for a key",
        "tieout/store/outbox.py",
        "on_conflict_do_nothing(index_elements=[t.c.key]))",
        "values(key=intent.key + row['id']))",
        (OUTBOX,),
    ),
    Guard(
        "look before sending again",
        "tieout/sync/doubts.py",
        "    found = _found(settler, writer, resolved)\n",
        "    found: list[Row] = []\n",
        (f"{TWICE}::test_a_lost_batch_is_found_at_once_and_never_sent_again",),
    ),
    Guard(
        "two looks, not one",
        "tieout/store/outbox.py",
        "LOOKS = 2",
        "LOOKS = 1",
        (OUTBOX, TWICE),
    ),
    Guard(
        "a wait longer than the vendor works",
        "tieout/sync/doubts.py",
        "LOOK_AGAIN_S = 150.0",
        "LOOK_AGAIN_S = 0.0",
        (CUT_BATCH,),
    ),
    Guard(
        "the same bytes again",
        "tieout/store/outbox.py",
        "    if now_row.body_hash and differs:",
        "    if now_row.body_hash and differs and False:",
        (OUTBOX,),
    ),
    Guard(
        "the same key again",
        "tieout/sync/keys.py",
        "return key_alone(row) if row.error_class == Conflict.__name__ else row.call_key",
        "return key_alone(row)",
        (CUT_BATCH,),
    ),
    Guard(
        "the fence",
        "tieout/store/outbox.py",
        "    if stored.fence != fence or stored.lease_until is None:",
        "    if stored.lease_until is None:",
        (OUTBOX,),
    ),
    Guard(
        "a sent row is in doubt when its worker dies",
        "tieout/store/outbox_leases.py",
        "        after = _PENDING if row.state == _CLAIMED.value else _UNKNOWN\n",
        "        after = _PENDING\n",
        (OUTBOX,),
    ),
    Guard(
        "nothing leaves behind its lease",
        "tieout/sync/pusher.py",
        "        request = replace(request, send_by=first.lease_until)\n",
        "",
        (f"{TWICE}::test_a_worker_that_wakes_behind_its_lease_sends_nothing",),
    ),
    Guard(
        "one project for a deal",
        "tieout/store/migrations/versions/0002_documents.py",
        'op.create_index("projects_one_per_deal", "projects", ["deal_id"], unique=True)',
        'op.create_index("projects_one_per_deal", "projects", ["deal_id"], unique=False)',
        ("tests/store/test_projects.py",),
    ),
    # -- never lost ----------------------------------------------------------------------
    Guard(
        "the cursor behind its records",
        "tieout/sync/pull.py",
        "    place = cursor.connection, cursor.stream\n",
        "    place = cursor.connection, cursor.stream\n"
        "    with engine.store.begin() as tx:\n"
        "        cursors.put(tx, *place, engine.now().isoformat())\n",
        (STORIES,),
    ),
    Guard(
        "the overlap of two readings",
        "tieout/sync/pull.py",
        "    start = datetime.fromisoformat(mark) - timedelta(seconds=stream.cursor.overlap_s)\n",
        "    start = datetime.fromisoformat(mark) + timedelta(seconds=1)\n",
        ("tests/scenarios/test_overlap.py",),
    ),
    Guard(
        "each item of a batch by itself",
        "tieout/sync/settle.py",
        "                elif answer.errors:\n",
        "                elif any(one.errors for one in answers.values()):\n",
        (f"{TWICE}::test_a_number_typed_by_hand_before_is_held_and_the_others_go",),
    ),
    Guard(
        "a turn is for one",
        "tieout/store/schedules.py",
        "    if there is None or not _turn(there).is_free(now, is_dead):\n        return None\n",
        "    if there is None:\n        return None\n",
        (ENGINE,),
    ),
    Guard(
        "a turn comes back when its holder dies",
        "tieout/store/schedules.py",
        "            return self.lease_until is None or self.lease_until <= now"
        " or is_dead(self.owner)\n",
        "            return False\n",
        ("tests/store/test_turns.py",),
    ),
    Guard(
        "lists read to their end",
        "tieout/sync/ledger_lists.py",
        "        if unread and len(unread) < len(lists):\n",
        "        if False:\n",
        ("tests/scenarios/test_half_read.py",),
    ),
    Guard(
        "two sweeps before a record is gone",
        "tieout/store/landed.py",
        "SWEEPS = 2",
        "SWEEPS = 1",
        (FACTS,),
    ),
    # -- never a wrong cent --------------------------------------------------------------
    Guard(
        "the ledger's echo",
        "tieout/sync/echo.py",
        "    return not differs(ours, theirs)\n",
        "    return True\n",
        (f"{TWICE}::test_an_echo_that_differs_is_never_confirmed",),
    ),
    Guard(
        "half a cent goes up",
        "tieout/billing/rounding.py",
        "_MODES = {Rounding.HALF_UP: ROUND_HALF_UP,",
        "_MODES = {Rounding.HALF_UP: ROUND_HALF_EVEN,",
        ("tests/unit/test_billing_rounding.py",),
    ),
    Guard(
        "only approved time",
        "tieout/billing/gates.py",
        "        if entry.approval is not Approval.APPROVED:\n",
        "        if False:\n",
        ("tests/unit/test_billing_draft.py",),
    ),
    Guard(
        "approved is frozen",
        "tieout/store/documents.py",
        """    if draft.status is not _DRAFT:
        raise _frozen(draft)
    entity =""",
        """    entity =""",
        (DOCUMENTS,),
    ),
    Guard(
        "nothing at a rate of one",
        "tieout/sync/currencies.py",
        "    if currency == home or rate is not None:\n",
        "    if True:\n",
        ("tests/scenarios/test_currency.py",),
    ),
    # -- who may, and who sees -------------------------------------------------------------
    Guard(
        "one refresh at a time",
        "tieout/connectors/auth.py",
        """    with connection.keeper.lock(connection.name):
        # Whoever held""",
        """    if True:
        # Whoever held""",
        (AUTH, STORIES),
    ),
    Guard(
        "a token is stored before it is used",
        "tieout/connectors/auth.py",
        "            if not connection.keeper.swap(loaded, to_stored(stored)):\n",
        "            if False:\n",
        (AUTH,),
    ),
    Guard(
        "all machines go by one clock",
        "tieout/store/core.py",
        "                if isinstance(self.clock, AgreedClock) and self.clock.is_due():\n",
        "                if False:\n",
        ("tests/store/test_time.py",),
    ),
    Guard(
        "no credential for another host",
        "tieout/connectors/transport.py",
        "        if _origin(url) not in {_origin(base), *map(_origin,"
        " connector.origins(settings))}:\n",
        "        if False:\n",
        (TRANSPORT,),
    ),
    Guard(
        "a failed write is a doubt",
        "tieout/connectors/faults.py",
        "        return Unknown if writes else Transient\n    if status == 303",
        "        return Transient\n    if status == 303",
        (TRANSPORT, TWICE),
    ),
    Guard(
        "a cut answer is a doubt",
        "tieout/connectors/faults.py",
        "        doubt = Unknown if request.writes else Transient\n",
        "        doubt = Transient\n",
        (TRANSPORT, TWICE),
    ),
    Guard(
        "nothing secret in a log",
        "tieout/connectors/redact.py",
        "def secrets_out(text: str, secrets: Iterable[str] = ()) -> str:\n",
        "def secrets_out(text: str, secrets: Iterable[str] = ()) -> str:\n    return text\n\n\n"
        "def _was(text: str, secrets: Iterable[str] = ()) -> str:\n",
        ("tests/connectors/test_redact.py",),
    ),
    Guard(
        "who did what, sealed",
        "tieout/store/audit.py",
        "        if row.prev_hash != last_hash:\n",
        "        if False:\n",
        (ENGINE,),
    ),
    Guard(
        "one company for a connection",
        "tieout/connectors/auth.py",
        "    if connection.company and token.company and token.company != connection.company:\n",
        "    if False:\n",
        (AUTH,),
    ),
    Guard(
        "a wait that was asked for",
        "tieout/connectors/pace.py",
        "        parked, parked_why = self._parked(ask, at)\n",
        '        parked, parked_why = 0, ""\n',
        (TRANSPORT, ENGINE, TWICE),
    ),
    Guard(
        "a limit is for all who call",
        "tieout/connectors/pace.py",
        "            slots[at // width] = slots.get(at // width, 0) + 1\n",
        "            slots[at // width] = 0\n",
        (TRANSPORT, ENGINE),
    ),
    # -- notifications -------------------------------------------------------------------
    Guard(
        "only what is signed is stored",
        "tieout/web/webhooks.py",
        "        if not webhook.verify(headers, body, door.secrets):\n",
        "        if False:\n",
        (RECEIVING,),
    ),
    Guard(
        "no signature under an empty key",
        "tieout/connectors/webhook.py",
        "        return same and bool(key)\n",
        "        return same\n",
        (WEBHOOK,),
    ),
    Guard(
        "a message waits until its look is due",
        "tieout/sync/heed.py",
        "            if ready.get(end.step, True):\n",
        "            if True:\n",
        (HEEDING,),
    ),
    Guard(
        "a pause between two looks",
        "tieout/store/schedules.py",
        "    if turn.ended_at is not None and turn.ended_at + timedelta(seconds=rest_s) > now:\n",
        "    if False:\n",
        (HEEDING,),
    ),
    # -- what is taken back -----------------------------------------------------------------
    Guard(
        "a credit never above its line",
        "tieout/sync/credit.py",
        "        if abs(total(amounts, invoice.currency).amount) > abs(most):",
        "        if False:",
        ("tests/unit/test_credit.py",),
    ),
    Guard(
        "credits never above the invoice",
        "tieout/sync/credit.py",
        "    if note.total.amount > left.amount:",
        "    if False:",
        ("tests/unit/test_credit.py",),
    ),
    Guard(
        "counted again at the approval",
        "tieout/sync/credit.py",
        "    refuse_too_much(invoice, approved, note)\n",
        "",
        (f"{CREDIT}::test_more_than_was_invoiced_is_refused_at_the_approval_too",),
    ),
    Guard(
        "no more allocated than is open",
        "tieout/sync/looks.py",
        "    amount = min(credit, stands.balance.amount)",
        "    amount = credit",
        (f"{CREDIT}::test_no_more_is_set_against_an_invoice_than_is_open",),
    ),
    Guard(
        "work released only when said",
        "tieout/sync/approve.py",
        "    if note.releases:",
        "    if True:",
        (f"{CREDIT}::test_an_invoice_credited_in_full_is_settled_and_both_sides_agree",),
    ),
    Guard(
        "a void only when nothing is paid",
        "tieout/sync/looks.py",
        "    if stands.balance != stands.total:",
        "    if False:",
        (f"{VOID}::test_an_invoice_paid_in_between_is_not_voided",),
    ),
    Guard(
        "a void only of what was approved",
        "tieout/sync/looks.py",
        'changed = edited(invoice, stands) if writer == VOID else ""',
        'changed = ""',
        (f"{VOID}::test_an_invoice_somebody_edited_is_not_voided",),
    ),
    Guard(
        "taken back only what never left",
        "tieout/store/outbox_rows.py",
        "    if found is None or found.in_doubt or found.state not in waits:",
        "    if found is None:",
        (f"{VOID}::test_what_may_have_arrived_is_not_voided_before_that_is_known",),
    ),
    Guard(
        "a tax of ours is part of the answer",
        "tieout/sync/echo.py",
        """            ("tax", ours.tax, theirs.tax if ours.tax is not None else None),
""",
        "",
        (f"{TAXES}::test_another_tax_there_is_never_confirmed_in_silence",),
    ),
    # -- timesheets --------------------------------------------------------------------------
    Guard(
        "a file is looked for by its name",
        "tieout/connectors/quickbooks/files.py",
        '    return bool(row.get("FileName") == ledger.the_file(context)[1].name)\n',
        "    return False\n",
        (f"{SHEETS}::test_a_lost_answer_is_found_and_nothing_is_sent_again",),
    ),
    Guard(
        "a repeat is judged by what was sent",
        "tieout/sync/pusher.py",
        "        if writer.look is not None or row.body is not None:\n",
        "        if writer.look is not None:\n",
        (f"{SHEETS}::test_a_file_that_arrived_unheard_is_known_by_what_was_sent",),
    ),
    Guard(
        "no formula in a file for clients",
        "tieout/billing/timesheet.py",
        """    return f"'{flat}" if flat.startswith(_RUNS) else flat\n""",
        "    return flat\n",
        ("tests/unit/test_timesheet.py",),
    ),
    Guard(
        "a timesheet's words are not the memo",
        "tieout/connectors/xero/translate.py",
        "    return not carries_money(line) and not ledger.is_bullet(line.Description)\n",
        "    return not carries_money(line)\n",
        (f"{SHEETS}::test_a_memo_is_corrected_and_the_hours_stay",),
    ),
)
