"""The curl commands of `bridge demo --stay`."""

import json
import shlex

from bridge.demo.scenarios import SECRETS, signed
from bridge.samples import samples

_WEB = "https://gitlab.example.com/play/ground"
PUSH = {
    "object_kind": "push",
    "user_name": "You",
    "ref": "refs/heads/main",
    "project": {"id": 1, "path_with_namespace": "play/ground", "web_url": _WEB},
    "total_commits_count": 1,
    "commits": [{"id": "4e1f0a2b6c", "title": "Try it out", "url": f"{_WEB}/-/commit/4e1f0a2b6c"}],
}


def curl_commands(base: str, now: float) -> str:
    """Return example requests: one without a signature, one signed with a short validity, one forged."""
    body = json.dumps(PUSH, separators=(",", ":"))
    gitlab = _curl(
        f"{base}/webhooks/gitlab", {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRETS["gitlab"]}, body
    )
    compact_body = json.dumps(samples()["stripe/charge.succeeded"].body, separators=(",", ":")).encode()
    request = signed("stripe", "charge.succeeded", now, compact_body)
    headers = {"Stripe-Signature": request.header("stripe-signature") or ""}
    stripe = _curl(f"{base}/webhooks/stripe", headers, request.body.decode())
    forged = _curl(f"{base}/webhooks/gitlab", {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "a guess"}, body)
    return (
        "\nThe demo keeps running. Try these requests; each message appears below. Ctrl-C ends the demo.\n\n"
        f"# a push; change the text and send it again\n{gitlab}\n\n"
        f"# a signed charge: valid for 300 seconds, and a duplicate the second time\n{stripe}\n\n"
        f"# forged\n{forged}\n\n"
        f"# the state of the bridge\ncurl -s {base}/readyz\n"
    )


def _curl(url: str, headers: dict[str, str], body: str) -> str:
    all_headers = {"Content-Type": "application/json", **headers}
    options = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in all_headers.items())
    return f"curl -s {url} {options} --data-binary {shlex.quote(body)}"
