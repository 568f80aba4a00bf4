"""The page of the developer portal where an app's webhook address is set, for people.

Intuit has no API for it. Here it is `/portal/webhooks`: GET shows what is
registered and what waits, POST `{"url": ..., "style": "cloudevents" or "legacy"}`
registers and delivers from then on, DELETE ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.quickbooks.wire import Row, decode, encode

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.hooks import Hooks

PATH = "/portal/webhooks"


def answer(request: Request, hooks: Hooks) -> Response:
    """Answer one call of the page."""
    if request.method == "DELETE":
        # The thread may be waiting for this very call to end.
        hooks.stop(wait=False)
        hooks.unsubscribe()
    if request.method == "POST":
        try:
            sent = decode(request.get_data())
            url, style = str(sent["url"]), str(sent.get("style", "cloudevents"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return _json({"error": "send a JSON object with a url"}, 400)
        if not url.startswith(("http://", "https://")):
            return _json({"error": "the url must start with http:// or https://"}, 400)
        if style not in ("cloudevents", "legacy"):
            return _json({"error": "style is cloudevents or legacy"}, 400)
        hooks.subscribe(url, "legacy" if style == "legacy" else "cloudevents")
        hooks.start()
    return _json(_shown(hooks))


def _shown(hooks: Hooks) -> Row:
    return {
        "url": hooks.url or None,
        "style": hooks.style,
        "verifier_token": hooks.verifier_token,
        "waiting": len(hooks.waiting),
        "tries": len(hooks.log),
        "last_status": hooks.log[-1].status if hooks.log else None,
    }


def _json(body: Row, status: int = 200) -> Response:
    return Response(encode(body), status=status, content_type="application/json;charset=UTF-8")
