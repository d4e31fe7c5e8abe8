"""Verify that a request comes from our GitLab.

There are two kinds of secret. A signing token (GitLab 19.0 and later, the Standard Webhooks scheme) signs the body. A
secret token is a password that GitLab sends along; it signs nothing.
Source: GitLab docs, Webhooks, https://docs.gitlab.com/user/project/integrations/webhooks/
"""

from collections.abc import Sequence

from bridge.config.diagnostics import Problem
from bridge.events import Request
from bridge.sources import standard_webhooks
from bridge.sources.errors import Unverified
from bridge.sources.signatures import any_match, encoded_secrets, live_secrets, single_header

SIGNATURE_HEADERS = frozenset({*standard_webhooks.HEADERS, "x-gitlab-token"})


def verify(request: Request, secrets: Sequence[str], now: float) -> None:
    """Raise Unverified unless the request proves knowledge of a secret. ``now`` is in Unix seconds.

    If any signing token is configured, the signature is required. Otherwise an attacker with the secret token, which
    travels with every request, could leave out the signature and forge bodies.
    """
    for name in SIGNATURE_HEADERS:
        if len(request.header_values(name)) > 1:
            raise Unverified(f"{name} was sent twice")
    signing = [secret for secret in live_secrets(secrets) if _is_signing_token(secret)]
    if signing:
        if request.header("webhook-signature") is None:
            raise Unverified("webhook-signature is missing, and a signing token is configured")
        keys = [key for secret in signing if (key := standard_webhooks.decode_key(secret)) is not None]
        standard_webhooks.verify(request, keys, now)
        return
    if request.header("x-gitlab-token") is None and request.header("webhook-signature") is not None:
        raise Unverified(
            "x-gitlab-token is missing: the hook has a signing token, and only a secret token is configured"
        )
    if not any_match(encoded_secrets(secrets), _candidates(single_header(request, "x-gitlab-token"))):
        raise Unverified("x-gitlab-token is wrong")


def check_secret(secret: str) -> Problem | None:
    """Return the problem with a secret, without showing it; None if it is usable."""
    secret = secret.strip()
    if not secret:
        return Problem("is empty", "copy the signing token or the secret token of the webhook in GitLab")
    if _is_signing_token(secret):
        if standard_webhooks.decode_key(secret) is None:
            return Problem(
                "starts with whsec_ but is not a signing token (base64 of 24 to 64 bytes must follow)",
                "regenerate the token, and copy all of it: GitLab shows it once",
            )
        return None
    if not secret.isprintable():
        return Problem("holds a line break or a control character, which no header can carry", "copy the token again")
    return None


def _is_signing_token(secret: str) -> bool:
    return secret.strip().startswith(standard_webhooks.PREFIX)


def _candidates(token: bytes) -> list[bytes]:
    # A secret token may hold any letters. Some HTTP servers decode header bytes as Latin-1, one letter a byte: encoding
    # that text as UTF-8 would double-encode it.
    try:
        return [token, token.decode().encode("latin-1")]
    except UnicodeError:
        return [token]
