"""A client not written here works against the stand-in: simple-salesforce over loopback."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce as Client
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest

from tieout.clock import SystemClock
from tieout.sandbox.salesforce import Salesforce
from tieout.sandbox.serving import Served


class ToLoopback(HTTPAdapter):
    """Sends what is meant for https hosts to the sandbox: the library knows no other scheme."""

    def __init__(self, base_url):
        super().__init__()
        self._base_url = base_url

    def send(self, request, **more):
        parts = urlsplit(request.url)
        query = f"?{parts.query}" if parts.query else ""
        request.url = f"{self._base_url}{parts.path}{query}"
        return super().send(request, **more)


@pytest.fixture
def vendor():
    return Salesforce(SystemClock(), page_size=8)


@pytest.fixture
def session(vendor):
    with Served(vendor) as served:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", ToLoopback(served.base_url))
        yield session
        session.close()


def by_assertion(vendor, session):
    given = vendor.credentials
    return Client(
        username=given["username"],
        consumer_key=given["client_id"],
        privatekey=given["private_key"],
        version="66.0",
        session=session,
    )


def by_credentials(vendor, session):
    given = vendor.credentials
    return Client(
        consumer_key=given["client_id"],
        consumer_secret=given["client_secret"],
        domain="acme.my",
        version="66.0",
        session=session,
    )


@pytest.mark.parametrize("signed_in", [by_assertion, by_credentials])
def test_query_write_and_upsert(vendor, session, signed_in):
    sf = signed_in(vendor, session)
    rows = sf.query_all("SELECT Id, Name, Account.Name FROM Opportunity ORDER BY Name")
    assert len(rows["records"]) == rows["totalSize"] == 20
    deal = rows["records"][0]["Id"]
    assert sf.Opportunity.update(deal, {"Tieout_Billed_To_Date__c": "1200.10"}) == 204
    assert vendor.org.get("Opportunity", deal)["Tieout_Billed_To_Date__c"] == Decimal("1200.10")
    made = {"Name": "New", "StageName": "Signed", "CloseDate": "2026-01-01"}
    assert sf.Opportunity.upsert("Tieout_Project_Id__c/b%2Fc", made) == 201
    assert sf.Opportunity.get_by_custom_id("Tieout_Project_Id__c", "b/c")["IsWon"] is True
    answer = sf.restful("composite", method="POST", json={"compositeRequest": [
        {"method": "GET", "url": f"/services/data/v66.0/sobjects/Opportunity/{deal}",
         "referenceId": "r"}]})  # fmt: skip
    assert answer["compositeResponse"][0]["body"]["Id"] == deal
    assert sf.limits()["DailyApiRequests"]["Max"] == 15_000
    assert sf.Opportunity.describe()["name"] == "Opportunity"
    with pytest.raises(SalesforceMalformedRequest):
        sf.query("SELECT")


def test_a_session_handed_over_ends(vendor, session):
    sf = Client(session_id=vendor.oauth.issue(), instance_url="https://acme.my.salesforce.com",
                version="66.0", session=session)  # fmt: skip
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 12
    vendor.expire_tokens()
    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT COUNT() FROM Account")


def test_the_token_form_may_come_in_chunks(vendor):
    given = vendor.credentials
    form = (
        f"grant_type=client_credentials&client_id={given['client_id']}"
        f"&client_secret={given['client_secret']}"
    )
    with Served(vendor) as served, requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{served.base_url}/services/oauth2/token",
            data=iter([form[:20].encode(), form[20:].encode()]),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert answer.status_code == 200
    assert answer.json()["instance_url"] == served.base_url
