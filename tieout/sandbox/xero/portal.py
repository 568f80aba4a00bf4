"""Pages of the developer portal for people: the webhook address, and mishaps to rehearse.

Xero has no API for them. Here they are `/portal/webhooks` (GET shows, POST
`{"url": ...}` registers and delivers, DELETE ends it), `/portal/webhooks/intent`
(POST checks the address) and `/portal/faults` (POST
`{"trouble": ..., "nth": 1, "tenant": ...}`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.xero.plans import TROUBLES
from tieout.sandbox.xero.wire import Row, decode, encode

if TYPE_CHECKING:
    from tieout.sandbox.xero.hooks import Hooks
    from tieout.sandbox.xero.vendor import Xero

WEBHOOKS, INTENT, FAULTS = "/portal/webhooks", "/portal/webhooks/intent", "/portal/faults"
PATHS = (WEBHOOKS, INTENT, FAULTS)


def answer(vendor: Xero, request: Request) -> Response:
    """Answer one call of the pages."""
    try:
        sent = decode(request.get_data() or b"{}")
        if not isinstance(sent, dict):
            raise ValueError("no object")
    except ValueError:
        return _json({"error": "send a JSON object"}, 400)
    if request.path == FAULTS:
        return _faults(vendor, request, sent)
    hooks = vendor.hooks
    if request.path == INTENT:
        return _json({"passed": bool(hooks.url) and hooks.intent_to_receive()})
    if request.method == "DELETE":
        # The thread may be waiting for this very call to end.
        hooks.stop(wait=False)
        hooks.unsubscribe()
    if request.method == "POST":
        url = str(sent.get("url", ""))
        if not url.startswith(("http://", "https://")):
            return _json({"error": "the url must start with http:// or https://"}, 400)
        hooks.subscribe(url, request.host_url.rstrip("/"))
        hooks.start()
    return _json(_shown(hooks))


def _faults(vendor: Xero, request: Request, sent: Row) -> Response:
    if request.method == "POST":
        try:
            details = {
                key: sent[key]
                for key in ("nth", "times", "method", "path", "tenant")
                if key in sent
            }
            vendor.plan(str(sent.get("trouble", "")), **details)
        except (ValueError, TypeError) as problem:
            return _json({"error": str(problem)}, 400)
    if request.method == "DELETE":
        vendor.faults.clear()
    played = [fault.kind for fault in vendor.faults.played]
    return _json({"troubles": list(TROUBLES), "played": played})


def _shown(hooks: Hooks) -> Row:
    return {
        "url": hooks.url or None,
        "webhook_key": hooks.key,
        "enabled": hooks.enabled,
        "waiting": len(hooks.waiting),
        "tries": len(hooks.log),
        "last_status": hooks.log[-1].status if hooks.log else None,
    }


def _json(body: Row, status: int = 200) -> Response:
    return Response(encode(body, "compact"), status=status, content_type="application/json")
