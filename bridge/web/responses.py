"""HTTP error responses: one constant text for each status, so that they reveal nothing to clients."""

import json

from aiohttp import web

TEXTS = {
    400: "the request cannot be read",
    401: "the request is not verified",
    404: "there is nothing here",
    405: "the method is not allowed here",
    413: "the body is too large",
    415: "compressed bodies are not accepted",
    500: "something went wrong here",
    503: "events cannot be kept right now, send it again later",
}


def error(status: int, *, allow: frozenset[str] | None = None) -> web.Response:
    """Return the response for a status of TEXTS, or 400. It closes the connection, since a body may be unread."""
    status = status if status in TEXTS else 400
    response = web.Response(
        status=status, body=json.dumps({"error": TEXTS[status]}).encode(), content_type="application/json"
    )
    if allow:
        response.headers["Allow"] = ", ".join(sorted(allow))
    if status == 503:
        response.headers["Retry-After"] = "30"
    response.force_close()
    return response
