"""Readers of pushes to branches and tags.

Sources: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/, and System
hooks, https://docs.gitlab.com/administration/system_hooks/
"""

from urllib.parse import quote

from bridge.sources.gitlab.facts import EventFacts, Payload, project_id, project_url, text_of


def push(_action: str, payload: Payload, _: Payload) -> EventFacts | None:
    """Read a push to a branch or a tag. The body holds no time: a commit can be far older than the push."""
    return _push_with(payload, is_back=payload.get("total_commits_count") == 0 and not payload.get("commits"))


def system_push(_action: str, payload: Payload, _: Payload) -> EventFacts | None:
    """Read a push of a system hook: it never lists commits, and an old GitLab counts none."""
    return _push_with(payload, is_back=False)


def _push_with(payload: Payload, *, is_back: bool) -> EventFacts | None:
    if not (ref := text_of(payload, "ref")):
        return None
    web = project_url(payload)
    is_tag = ref.startswith("refs/tags/")
    name = ref[10:] if is_tag else ref.removeprefix("refs/heads/")
    actor = text_of(payload, "user_name").strip() or text_of(payload, "user_username")
    url = web + _page_of_push(name, payload, is_tag=is_tag, is_back=is_back) if web else ""
    return EventFacts(f"{project_id(payload)}:{ref}", name, url, actor)


def _page_of_push(name: str, payload: Payload, *, is_tag: bool, is_back: bool) -> str:
    before, after = text_of(payload, "before"), text_of(payload, "after")
    if _is_no_commit(after):
        return ""
    # A branch may be called `fix/#12`, and the `#` would end the path; GitLab leaves slashes as they are.
    path = quote(name[:1000], safe="/", errors="replace")
    if is_tag:
        return f"/-/tags/{path}"
    if not before or not after or before == after or _is_no_commit(before):
        return f"/-/commits/{path}"
    # A branch that moved back holds only commits that it had before: a force push removed the rest.
    return f"/-/compare/{after}...{before}" if is_back else f"/-/compare/{before}...{after}"


def _is_no_commit(sha: str) -> bool:
    """Return whether the SHA is all zeros: 40 of them, or 64 in SHA-256 repositories."""
    return bool(sha) and not sha.strip("0")
