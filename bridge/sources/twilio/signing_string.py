"""What Twilio signs of a request, byte for byte. Verifying and reading both go by this, so they cannot disagree.

Twilio docs, Webhooks security, https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import hashlib
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from bridge.events import Request

FORM = "application/x-www-form-urlencoded"
BODY_HASH = b"bodySHA256"
PORTS = {b"https": b":443", b"http": b":80"}

Params = Mapping[bytes, tuple[bytes, ...]]
"""Names in byte order, each with its distinct values in byte order: exactly what a form's signature covers."""


def is_form(request: Request) -> bool:
    """Whether the body is signed parameter by parameter. Its Content-Type alone decides, for verifying and reading."""
    if request.method == "GET":
        return False
    return (request.header("content-type") or "").partition(";")[0].strip().lower() == FORM


def params_of(request: Request) -> Params | None:
    """The parameters that say what happened: a form's, or those in a GET's query. None for any other body."""
    if request.method == "GET":
        return parse(_query(url_of(request)))
    return parse(request.body) if is_form(request) else None


def parse(raw: bytes) -> Params:
    """``a=1&b=%20`` as bytes. Blank values count, nothing is trimmed.

    Written out because urllib's ``parse_qsl`` decodes on the way: bytes that are not UTF-8 would be signed as something
    else than what came. Only ``&`` separates, as with the provider.
    """
    found: dict[bytes, set[bytes]] = {}
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            found.setdefault(_decoded(name), set()).add(_decoded(value))
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def _decoded(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))


def signed_texts(request: Request) -> list[bytes]:
    """The texts that the signature may be over, one for each spelling of the URL, the URL as called first.

    That is the URL and, after a form, its names and values undivided.
    """
    tail = b""
    if is_form(request):
        tail = b"".join(name + value for name, values in parse(request.body).items() for value in values)
    return [url + tail for url in spellings(url_of(request))]


def digest_of_signed(request: Request) -> str:
    """What stays the same however a captured request is dressed up for a replay, in hex.

    Twilio signs no time, no boundaries between names and values and no order of repeated ones: one signature fits
    many bodies. All of them have this digest. A body that nothing signs never verifies, and stands for itself.
    """
    text = signed_texts(request)[0]
    if not is_form(request) and not body_hashes(request):
        text += request.body
    return hashlib.sha256(text).hexdigest()


def url_of(request: Request) -> bytes:
    """The URL's bytes as they came over the wire, never decoded and encoded anew."""
    try:
        return request.url.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return request.url.encode("utf-8", "surrogatepass")


def spellings(url: bytes) -> list[bytes]:
    """The ways in which Twilio may have written the URL that it signed, each once.

    User name, password and fragment are never signed. Voice calls over https leave the port out, other products keep
    it, and where there is none some add the scheme's own.
    """
    url = url.partition(b"#")[0]
    scheme, _, rest = url.partition(b"://")
    if scheme.lower() not in PORTS:
        return [url]
    end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
    authority, path = rest[:end].rpartition(b"@")[2], rest[end:]
    colon = authority.rfind(b":")
    host = authority[:colon] if colon > authority.rfind(b"]") else authority  # an IPv6 address has colons of its own
    other = host if host != authority else host + PORTS[scheme.lower()]
    return [scheme + b"://" + one + path for one in (authority, other)]


def body_hashes(request: Request) -> list[bytes]:
    """The values of ``bodySHA256`` in the URL's query, as written."""
    pairs = (part.partition(b"=") for part in _query(url_of(request)).split(b"&"))
    return [value for name, _, value in pairs if name == BODY_HASH]


def _query(url: bytes) -> bytes:
    return url.partition(b"#")[0].partition(b"?")[2]
