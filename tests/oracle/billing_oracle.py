"""Billing once more, written from the examples by hand, in whole numbers only.

It shares nothing with the product: no import, no type, no algorithm where there is a
choice. It is slow and simple on purpose. Input: a story as in tests/cases. Money is
read from text into (units, decimals) and never becomes a Decimal or a float.
"""

MINOR_UNITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


def number(text):
    """ "210.50" -> (21050, 2)"""
    sign = -1 if text.startswith("-") else 1
    whole, _, decimals = text.lstrip("-").partition(".")
    return sign * int(whole + decimals), len(decimals)


def scaled(units, have, want):
    """Units of 10^-have as units of 10^-want, a tie away from zero."""
    if want >= have:
        return units * 10 ** (want - have)
    step = 10 ** (have - want)
    size = (abs(units) + step // 2) // step  # step is a power of ten: its half is whole
    return -size if units < 0 else size


def text(units, decimals):
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits


def hours(seconds):
    """Ten-thousandths of an hour, and how they are written."""
    units = (2 * seconds * 10000 + 3600) // 7200
    shown = text(units, 4)
    while shown.endswith("0") and len(shown.partition(".")[2]) > 2:
        shown = shown[:-1]
    return units, shown


def counted(seconds, rounding):
    """The seconds of one entry after the budget's time rounding."""
    step = rounding.get("minutes", 0) * 60
    if not step:
        return seconds
    below = seconds - seconds % step
    left = seconds - below
    mode = rounding.get("mode", "nearest")
    if mode == "up":
        more = left > 0
    elif mode == "down":
        more = False
    else:
        more = 2 * left >= step
    return below + step if more else below


def rung(rate, project, budget, work, role):
    """1 (most specific) to 7 when the rate fits the work, 0 when it does not."""
    named = {
        key for key in ("card", "client", "project", "task", "person", "role") if rate.get(key)
    }
    asked = {
        "client": project["client"],
        "project": project["name"],
        "task": work.get("task", ""),
        "person": work["person"],
        "role": role,
    }
    if any(rate[key] != asked[key] for key in named if key != "card"):
        return 0
    if rate.get("currency", "USD") != project["currency"]:
        return 0
    if named - {"project"} == {"task", "person"}:
        return 1
    if named - {"project"} == {"task"}:
        return 2
    if named == {"project", "person"}:
        return 3
    if named == {"project", "role"}:
        return 4
    if named == {"card", "role"} and rate["card"] == budget.get("rate_card"):
        return 5
    if named == {"client", "role"}:
        return 6
    if named in ({"card", "role"}, {"role"}) and rate.get("card", "firm") == "firm":
        return 7
    return 0


def best_rate(rates, project, budget, work, role):
    """The rate on the best rung; a rate for this project beats one for any project there."""
    fits = []
    for rate in rates:
        step = rung(rate, project, budget, work, role)
        started = "from" not in rate or rate["from"] <= work["date"]
        ended = "to" in rate and rate["to"] < work["date"]
        if step and started and not ended:
            fits.append(((step, "project" not in rate), rate))
    return min(fits, key=lambda fit: fit[0])[1] if fits else None


def budget_for(project, task):
    for budget in project["budgets"]:
        if task in budget.get("tasks", ()):
            return budget
    open_to_all = [budget for budget in project["budgets"] if not budget.get("tasks")]
    by_time = [budget for budget in open_to_all if budget["model"] == "time_and_materials"]
    return (by_time or open_to_all or [None])[0]


def hold_reason(work, projects, period, day_seconds):
    if work.get("running"):
        return "running"
    if work.get("billed_upstream"):
        return "billed_upstream"
    if work.get("approval", "approved") != "approved":
        return "not_approved"
    if not period[0] <= work["date"] <= period[1]:
        return "outside_period"
    if work.get("project") not in projects:
        return "no_project"
    project = projects[work["project"]]
    if project["currency"] not in MINOR_UNITS:
        return "currency_missing"
    if not project.get("active", True):
        return "budget_closed"
    if work["seconds"] < 0 or day_seconds.get((work["person"], work["date"]), 0) > 24 * 3600:
        return "bad_hours"
    if budget_for(project, work.get("task", "")) is None:
        return "unmapped"
    return ""


def time_lines(story, project, budget, entries):
    """The lines of a time and materials budget, and the entries without a rate."""
    groups, no_rate = {}, []
    for work in entries:
        role = story.get("people", {}).get(work["person"], "")
        rate = best_rate(story.get("rates", ()), project, budget, work, role)
        if rate is None:
            no_rate.append(work["id"])
            continue
        values = {
            "task": work.get("task", ""),
            "person": work["person"],
            "role": role,
            "project": "",
            "budget": "",
            "day": str(work["date"]),
            "entry": work["id"],
        }
        key = tuple(values[name] for name in budget.get("group_by", ["task", "person"]))
        units, decimals = number(rate["rate"])
        same_rate = scaled(units, decimals, 6)
        groups.setdefault((key, same_rate), []).append((work, rate, role))
    lines = []
    for (key, same_rate), members in groups.items():
        path = []
        for depth in range(1, len(key) + 1):
            days = [
                str(member[0]["date"])
                for (other, _), others in groups.items()
                if other[:depth] == key[:depth]
                for member in others
            ]
            path.append((min(days), key[depth - 1]))
        starts = min(str(rate.get("from", "")) for _, rate, _ in members)
        line = time_line(project, budget, members)
        lines.append(((path, starts, same_rate), line))
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])], no_rate


def time_line(project, budget, members):
    members = sorted(members, key=lambda member: (member[0]["date"], member[0]["id"]))
    rounding = budget.get("time_rounding", {})
    quantity, shown = hours(sum(counted(work["seconds"], rounding) for work, _, _ in members))
    rate = members[0][1]["rate"]
    units, decimals = number(rate)
    cents = MINOR_UNITS[project["currency"]]
    amount = scaled(quantity * units, decimals + 4, cents)

    def only(names):
        return names.pop() if len(names) == 1 else ""

    return {
        "project": project["name"],
        "budget": budget["name"],
        "task": only({work.get("task", "") for work, _, _ in members}),
        "person": only({work["person"] for work, _, _ in members}),
        "role": only({role for _, _, role in members}),
        "quantity": shown,
        "rate": rate,
        "amount": text(amount, cents),
        "from": [work["id"] for work, _, _ in members],
        "_amount": amount,
    }


def fee_lines(project, budget, period, already):
    """The instalments due in the period, and those that were due before and never billed."""
    cents = MINOR_UNITS[project["currency"]]
    fee = scaled(*number(budget["amount"]), cents)
    parts = budget["instalments"]
    amounts = []
    for part in parts:
        if "amount" in part:
            amounts.append(scaled(*number(part["amount"]), cents))
        else:
            percent, decimals = number(part["percent"])
            amounts.append(scaled(fee * percent, decimals + 2, 0))
    last = max(range(len(parts)), key=lambda at: (parts[at]["on"], at))
    amounts[last] = fee - sum(amounts[:last]) - sum(amounts[last + 1 :])
    lines, late = [], []
    closed = not project.get("active", True)
    for at, (part, amount) in enumerate(zip(parts, amounts, strict=True), start=1):
        work_id = f"{budget['name']}/instalment/{at}"
        if work_id in already or part["on"] > period[1]:
            continue
        if closed or part["on"] < period[0]:
            late.append((work_id, "budget_closed" if closed else "outside_period"))
            continue
        lines.append(
            {
                "project": project["name"],
                "budget": budget["name"],
                "task": "",
                "person": "",
                "role": "",
                "quantity": "1",
                "rate": text(amount, cents),
                "amount": text(amount, cents),
                "from": [work_id],
                "_amount": amount,
            }
        )
    return lines, late


def bill(story, period, already_billed=frozenset()):
    """Bill one period, given as (first day, last day)."""
    projects = {project["name"]: project for project in story["projects"]}
    held, never, already, priced = {}, [], [], {}
    day_seconds = {}
    for work in story.get("time_entries", ()):
        gone = work.get("approval") in ("rejected", "withdrawn") or work.get("running")
        if not gone and work["seconds"] > 0:
            day = (work["person"], work["date"])
            day_seconds[day] = day_seconds.get(day, 0) + work["seconds"]
    for work in story.get("time_entries", ()):
        if work["id"] in already_billed:
            already.append(work["id"])
        elif not work.get("billable", True):
            never.append(work["id"])
        elif reason := hold_reason(work, projects, period, day_seconds):
            held[work["id"]] = reason
        else:
            budget = budget_for(projects[work["project"]], work.get("task", ""))
            if budget["model"] == "fixed_fee":
                never.append(work["id"])
            else:
                priced.setdefault((work["project"], budget["name"]), []).append(work)
    invoices = {}
    for name in sorted(projects):
        project = projects[name]
        for budget in project["budgets"]:
            if budget["model"] == "fixed_fee":
                lines, late = fee_lines(project, budget, period, already_billed)
                held.update(late)
            else:
                entries = priced.get((name, budget["name"]), [])
                lines, no_rate = time_lines(story, project, budget, entries)
                held.update(dict.fromkeys(no_rate, "no_rate"))
            if lines:
                shared = story.get("invoice_by", "project") == "client"
                key = (project["client"], "" if shared else name, project["currency"])
                invoices.setdefault(key, []).extend(lines)
    return {
        "invoices": issue(invoices, held),
        "held": held,
        "never_billed": sorted(never),
        "already_billed": sorted(already),
    }


def issue(invoices, held):
    """Add up each invoice; one of nothing is not issued and its work goes to `held`."""
    issued = []
    for (client, _, currency), lines in invoices.items():
        total = sum(line["_amount"] for line in lines)
        if total == 0:
            held.update({work: "zero_total" for line in lines for work in line["from"]})
            continue
        shown = [{k: v for k, v in line.items() if k != "_amount"} for line in lines]
        total_text = text(total, MINOR_UNITS[currency])
        issued.append({"client": client, "currency": currency, "total": total_text, "lines": shown})
    return sorted(issued, key=lambda one: (one["client"], one["lines"][0]["project"]))
