"""The text that Twilio signs, byte for byte. Verifying and reading share it, so they cannot disagree.

Twilio docs, Webhooks security, https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from bridge.events import Request

FORM = "application/x-www-form-urlencoded"
BODY_HASH = b"bodySHA256"
PORTS = {b"https": b":443", b"http": b":80"}
ESCAPED_APOSTROPHE = b"%27"

Params = Mapping[bytes, tuple[bytes, ...]]
"""Names in byte order, each with its distinct values in byte order: exactly the data that a form's signature covers."""


def is_form(request: Request) -> bool:
    """Return whether the signature covers the parameters. Only the Content-Type decides, for verifying and reading."""
    if request.method == "GET":
        return False
    return (request.header("content-type") or "").partition(";")[0].strip().lower() == FORM


def params_of(request: Request) -> Params | None:
    """Return the event's parameters: a form's, or those in a GET's query. None for any other body."""
    if request.method == "GET":
        return parse_form(_query(url_of(request)))
    return parse_form(request.body) if is_form(request) else None


@lru_cache(maxsize=1)  # a request is verified, and read at once after that
def parse_form(raw: bytes) -> Params:
    """Parse ``a=1&b=%20`` as bytes. Blank values count, nothing is trimmed.

    urllib's ``parse_qsl`` would decode the text, and bytes that are not UTF-8 would then be signed differently from the
    received ones. As in Twilio's code, only ``&`` separates.
    """
    values: dict[bytes, bytes] = {}
    repeated: dict[bytes, set[bytes]] = {}
    for part in raw.replace(b"+", b" ").split(b"&"):
        if not part:
            continue
        name, _, value = part.partition(b"=")
        if b"%" in value:
            value = unquote_to_bytes(value)
        if b"%" in name:
            name = unquote_to_bytes(name)
        if name in values:
            repeated.setdefault(name, {values[name]}).add(value)
        else:
            values[name] = value
    return {name: tuple(sorted(repeated[name])) if name in repeated else (values[name],) for name in sorted(values)}


def signing_strings(request: Request) -> list[bytes]:
    """Return the texts that Twilio may have signed, one for each spelling of the URL, the received one first.

    Each is the URL and, for a form, its names and values without separators.
    """
    tail = _tail(parse_form(request.body)) if is_form(request) else b""
    return [url + tail for url in url_spellings(url_of(request))]


def _tail(form: Params) -> bytes:
    return b"".join([name + value for name, values in form.items() for value in values])


def signed_digest(request: Request, params: Params | None) -> str:
    """Return a hex digest that is the same for every variant of a captured request. ``params`` are those of params_of.

    Twilio signs no time, no boundaries between names and values and no order of repeated ones: one signature fits many
    bodies. All of them have this digest, also those that write an apostrophe in the other way. An unsigned body never
    verifies, and is part of the digest.
    """
    url = url_of(request)
    text = url.partition(b"#")[0] if b"@" not in url else url_spellings(url)[0]
    if params is not None and request.method != "GET":
        text += _tail(params)
    text = text.replace(ESCAPED_APOSTROPHE, b"'")
    if (params is None or request.method == "GET") and not body_hashes(request):
        text += request.body
    return hashlib.sha256(text).hexdigest()


def url_of(request: Request) -> bytes:
    """Return the URL's bytes as received, never decoded and encoded again."""
    try:
        return request.url.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return request.url.encode("utf-8", "surrogatepass")


def url_spellings(url: bytes) -> list[bytes]:
    """Return the ways in which Twilio may have written the signed URL, each once.

    User name, password and fragment are never signed. Voice calls over https omit the port, other products keep it, and
    some add the scheme's default port. An apostrophe in the query may be signed as it is and called as ``%27``, or the
    other way round: https://github.com/twilio/twilio-node/issues/1183 , https://github.com/twilio/twilio-node/pull/1061
    """
    url = url.partition(b"#")[0]
    scheme, _, rest = url.partition(b"://")
    if scheme.lower() not in PORTS:
        return [url]
    end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
    authority, path = rest[:end].rpartition(b"@")[2], rest[end:]
    colon = authority.rfind(b":")
    host = authority[:colon] if colon > authority.rfind(b"]") else authority  # an IPv6 address has colons of its own
    other_authority = host if host != authority else host + PORTS[scheme.lower()]
    hosts = [scheme + b"://" + host_spelling for host_spelling in (authority, other_authority)]
    path, mark, query = path.partition(b"?")
    plain = query.replace(ESCAPED_APOSTROPHE, b"'")
    queries = dict.fromkeys((query, plain, plain.replace(b"'", ESCAPED_APOSTROPHE)))
    return [host + path + mark + spelling for spelling in queries for host in hosts]


def body_hashes(request: Request) -> list[bytes]:
    """Return the values of ``bodySHA256`` in the URL's query, as written."""
    pairs = (part.partition(b"=") for part in _query(url_of(request)).split(b"&"))
    return [value for name, _, value in pairs if name == BODY_HASH]


def _query(url: bytes) -> bytes:
    return url.partition(b"#")[0].partition(b"?")[2]
