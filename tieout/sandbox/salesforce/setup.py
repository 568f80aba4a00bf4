"""The page of Setup where outbound messages are configured, for people.

The vendor has it on screen. Here it is `/setup/outbound-messages`: GET shows what is
configured and what waits; POST `{"url": ...}`, with `object`, `fields`, `where`, `evaluate`
and `session` as in `OutboundMessages.add`, adds one and delivers from then on; DELETE ends it.
"""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request, Response

from tieout.sandbox import exactjson
from tieout.sandbox.salesforce.delivery import OutboundMessages
from tieout.sandbox.salesforce.errors import ApiError

PATH = "/setup/outbound-messages"
_EVALUATE = ("created", "every_edit", "newly_met")


def answer(request: Request, outbound: OutboundMessages) -> Response:
    """Answer one call of the page."""
    if request.method == "DELETE":
        # The thread may be waiting for this very call to end.
        outbound.stop(wait=False)
        outbound.clear()
    if request.method == "POST":
        problem = _added(request, outbound)
        if problem:
            return _json({"error": problem}, 400)
        outbound.start()
    return _json(_shown(outbound), 200)


def _added(request: Request, outbound: OutboundMessages) -> str:
    """Add the message a call asks for; what is wrong with it, "" for nothing."""
    try:
        sent = exactjson.loads(request.get_data())
    except ValueError:
        sent = None
    if not isinstance(sent, dict) or not isinstance(sent.get("url"), str):
        return "send a JSON object with a url"
    if not sent["url"].startswith(("http://", "https://")):
        return "the url must start with http:// or https://"
    fields = sent.get("fields", ["Name", "StageName"])
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        return "fields must be a list of field names"
    if sent.get("evaluate", "every_edit") not in _EVALUATE:
        return f"evaluate is one of {', '.join(_EVALUATE)}"
    try:
        outbound.add(
            sent["url"],
            str(sent.get("object", "Opportunity")),
            tuple(fields),
            where=str(sent.get("where", "")),
            evaluate=sent.get("evaluate", "every_edit"),
            session=sent.get("session") is True,
        )
    except ApiError as refused:
        return refused.message
    return ""


def _shown(outbound: OutboundMessages) -> dict[str, Any]:
    return {
        "messages": [
            {
                "id": each.id,
                "url": each.url,
                "object": each.object_name,
                "fields": list(each.fields),
                "where": each.where,
                "evaluate": each.evaluate,
                "session": each.session,
            }
            for each in outbound.actions
        ],
        "waiting": len(outbound.waiting),
        "dropped": len(outbound.dropped),
        "sent": len(outbound.log),
        "acknowledged": sum(1 for each in outbound.log if each.acknowledged),
    }


def _json(body: Any, status: int) -> Response:
    return Response(exactjson.dumps(body), status=status, content_type="application/json")
