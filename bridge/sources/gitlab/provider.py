"""GitLab: project, group and system hooks."""

from bridge.sources.gitlab.events import events
from bridge.sources.gitlab.line import line
from bridge.sources.gitlab.request import request_for
from bridge.sources.gitlab.run_states import run_state
from bridge.sources.gitlab.verify import SIGNATURE_HEADERS, check_secret, verify
from bridge.sources.provider import Provider, json_answer

MAX_BODY = 25 * 1024 * 1024
"""Bytes. GitLab sends no larger body: REQUEST_BODY_SIZE_LIMIT, "Limit webhook payload size to 25MB",
https://gitlab.com/gitlab-org/gitlab/-/merge_requests/38687
"""

PROVIDER = Provider(
    name="gitlab",
    verify=verify,
    events=events,
    line=line,
    request_for=request_for,
    answer=json_answer,
    check_secret=check_secret,
    type_of_sample=str,
    methods=frozenset({"POST"}),
    max_body=MAX_BODY,
    dedupe_ttl=24 * 3600.0,  # GitLab does not retry; this covers a manual "Resend request"
    content_ttl=60.0,  # a project hook and a group hook send the same event within seconds
    signature_headers=SIGNATURE_HEADERS,
    kept_headers=frozenset({"x-gitlab-event", "x-gitlab-instance", "idempotency-key"}),
    run_state=run_state,
)
