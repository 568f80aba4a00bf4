"""`/connections`: which organisations a token may be used for. No envelope, no tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.xero.oauth import Grant
from tieout.sandbox.xero.wire import Row, encode

if TYPE_CHECKING:
    from tieout.sandbox.xero.vendor import Xero


@dataclass(frozen=True)
class Connection:
    """That the app is connected to one organisation."""

    id: str
    tenant_id: str
    at: datetime


def answer(vendor: Xero, request: Request, grant: Grant, inner: str) -> Response:
    """Answer one call; `inner` is the id in the path."""
    if inner:
        known = [each for each in vendor.connections if each.id == inner.lower()]
        if request.method != "DELETE":
            return Response(status=405)
        if not known or known[0].tenant_id not in grant.tenants:
            return Response(status=404)
        vendor.disconnect(known[0].tenant_id)
        return Response(status=204)
    if request.method != "GET":
        return Response(status=405)
    wanted = request.args.get("authEventId")
    rows = [
        _shown(vendor, each, grant)
        for each in vendor.connections
        if each.tenant_id in grant.tenants and wanted in (None, "", grant.event_id)
    ]
    return Response(encode(rows, vendor.settings.layout), content_type="application/json")


def _shown(vendor: Xero, each: Connection, grant: Grant) -> Row:
    moment = each.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"
    return {
        "id": each.id,
        "authEventId": grant.event_id,
        "tenantId": each.tenant_id,
        "tenantType": "ORGANISATION",
        "tenantName": vendor.tenants[each.tenant_id].name,
        "createdDateUtc": moment,
        "updatedDateUtc": moment,
    }
