"""Small firms for property tests: few names, so that rules meet and clash often."""

from datetime import date, timedelta

from hypothesis import strategies as st

START, END = date(2026, 3, 1), date(2026, 3, 31)
PERIOD = (START, END)
PEOPLE = {"Ana": "Senior", "Ben": "Consultant", "Cho": "Senior", "Dov": ""}
TASKS = ("Design", "Workshop", "Build", "")
MONEY = ("0.00", "0.45", "33.33", "100.00", "150.00", "210.55")
CURRENCIES = ("USD", "EUR", "JPY", "KWD")
SECONDS = st.sampled_from((0, 1, 600, 1200, 1801, 3600, 5000, 28800, 50000, 90000, -600))

days = st.integers(-3, 33).map(lambda n: START + timedelta(days=n))


def budgets(name):
    grouping = st.sampled_from((
        ["task", "person"], ["person"], ["role"], ["task"], ["day", "person"], ["entry"],
        ["budget"], ["project", "role"], ["person", "task", "day"],
    ))  # fmt: skip
    minutes = st.sampled_from((0, 0, 6, 15))
    by_time = st.fixed_dictionaries(
        {
            "model": st.just("time_and_materials"),
            "group_by": grouping,
            "rate_card": st.sampled_from(("standard", "firm", "")),
            "tasks": st.sampled_from(([], ["Design"], ["Workshop", "Build"])),
            "time_rounding": st.fixed_dictionaries(
                {"minutes": minutes, "mode": st.sampled_from(("up", "nearest", "down"))}
            ),
        }
    )
    fee = st.fixed_dictionaries(
        {
            "model": st.just("fixed_fee"),
            "amount": st.sampled_from(("1000", "77", "99999")),
            "instalments": st.sampled_from((("100",), ("30", "70"), ("33.33", "33.33", "33.34")))
            .flatmap(lambda percents: st.tuples(*(days.map(lambda d: d) for _ in percents)).map(
                lambda on: [{"percent": p, "on": d} for p, d in zip(percents, on, strict=True)]
            )),
            "tasks": st.sampled_from(([], ["Design"])),
        }
    )  # fmt: skip
    return st.lists(st.one_of(by_time, by_time, fee), min_size=1, max_size=3).map(
        lambda raw: [{**one, "name": f"{name} {n}"} for n, one in enumerate(raw)]
    )


def projects(name):
    return st.fixed_dictionaries(
        {
            "name": st.just(name),
            "client": st.sampled_from(("Northwind", "Contoso")),
            "currency": st.sampled_from(CURRENCIES),
            "active": st.sampled_from((True, True, True, False)),
            "budgets": budgets(name),
        }
    )


_scopes = st.one_of(
    st.fixed_dictionaries(
        {"task": st.sampled_from(TASKS[:3])},
        optional={
            "person": st.sampled_from(tuple(PEOPLE)),
            "project": st.sampled_from(("Atlas", "Iris")),
        },
    ),
    st.fixed_dictionaries(
        {
            "project": st.sampled_from(("Atlas", "Iris")),
            "person": st.sampled_from(tuple(PEOPLE)),
        }
    ),
    st.fixed_dictionaries(
        {
            "project": st.sampled_from(("Atlas", "Iris")),
            "role": st.sampled_from(("Senior", "Consultant")),
        }
    ),
    st.fixed_dictionaries(
        {
            "card": st.sampled_from(("standard", "firm")),
            "role": st.sampled_from(("Senior", "Consultant")),
        }
    ),
    st.fixed_dictionaries(
        {"client": st.just("Northwind"), "role": st.sampled_from(("Senior", "Consultant"))}
    ),
)


@st.composite
def rates(draw):
    """Rates without two on one scope and day: each scope may change once, in mid-month."""
    found = []
    scopes = draw(
        st.lists(_scopes, max_size=8, unique_by=lambda scope: tuple(sorted(scope.items())))
    )
    for scope in scopes:
        change = draw(st.sampled_from((None, date(2026, 3, 15))))
        for currency in draw(st.sets(st.sampled_from(CURRENCIES), min_size=1)):
            dated = [{}] if change is None else [{"to": change}, {"from": date(2026, 3, 16)}]
            for dates in dated:
                rate = draw(st.sampled_from(MONEY))
                found.append({**scope, "currency": currency, "rate": rate, **dates})
    return found


@st.composite
def entries(draw, most=14):
    one = st.fixed_dictionaries(
        {
            "project": st.sampled_from(("Atlas", "Atlas", "Iris", None, "Nowhere")),
            "person": st.sampled_from(tuple(PEOPLE)),
            "task": st.sampled_from(TASKS),
            "date": days,
            "seconds": SECONDS,
            "billable": st.sampled_from((True, True, True, False)),
            "approval": st.sampled_from(("approved",) * 6 + ("pending", "rejected", "none")),
            "running": st.sampled_from((False,) * 8 + (True,)),
            "billed_upstream": st.sampled_from((False,) * 8 + (True,)),
        }
    )
    drawn = draw(st.lists(one, max_size=most))
    return [{**entry, "id": f"t{n:02d}"} for n, entry in enumerate(drawn)]


firms = st.fixed_dictionaries(
    {
        "people": st.just(PEOPLE),
        "invoice_by": st.sampled_from(("project", "client")),
        "projects": st.tuples(projects("Atlas"), projects("Iris")).map(list),
        "rates": rates(),
        "time_entries": entries(),
    }
)
