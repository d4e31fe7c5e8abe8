"""Pushes, tags, releases and wiki pages.

Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from urllib.parse import quote

from bridge.core.payload import int_at, list_at, map_at, text_at
from bridge.sources.gitlab.facts import (
    EventFacts,
    Payload,
    first_time,
    inside,
    person,
    project_id,
    project_url,
    sentence,
)


def push(_action: str, payload: Payload) -> EventFacts | None:
    """Read a push to a branch or a tag. The body holds no time: a commit can be far older than the push."""
    ref = text_at(payload, "ref")
    if not ref:
        return None
    who = person({"name": text_at(payload, "user_name"), "username": text_at(payload, "user_username")})
    change, page = _tag_change(ref, payload) if ref.startswith("refs/tags/") else _branch_change(ref, payload)
    web = project_url(payload)
    title = f"{who or 'Somebody'} {change}{inside(payload)}"
    return EventFacts(f"{project_id(payload)}:{ref}", title, f"{web}{page}" if web else "", who)


def _tag_change(ref: str, payload: Payload) -> tuple[str, str]:
    tag = ref.removeprefix("refs/tags/")
    if _is_no_commit(text_at(payload, "after")):
        return f"deleted tag {tag}", ""
    verb = "pushed tag" if _is_no_commit(text_at(payload, "before")) else "moved tag"
    return f"{verb} {tag}", f"/-/tags/{_in_path(tag)}"


def _branch_change(ref: str, payload: Payload) -> tuple[str, str]:
    branch, before, after = ref.removeprefix("refs/heads/"), text_at(payload, "before"), text_at(payload, "after")
    if _is_no_commit(after):
        return f"deleted branch {branch}", ""
    commits = _commit_count(payload)
    if _is_no_commit(before):
        return f"pushed new branch {branch} with {commits or 'no new commits'}", f"/-/commits/{_in_path(branch)}"
    if int_at(payload, "total_commits_count") == 0 and not commits:
        # The branch now holds only commits that it had before: a force push removed the rest.
        return f"moved {branch} back to {after[:8]}", f"/-/compare/{after}...{before}"
    return f"pushed {commits + ' ' if commits else ''}to {branch}", f"/-/compare/{before}...{after}"


def _commit_count(payload: Payload) -> str:
    # `commits` holds the newest twenty at most, and none in a system hook.
    total = int_at(payload, "total_commits_count")
    count = len(list_at(payload, "commits")) if not total or not 0 <= total < 1_000_000_000 else total
    return f"{count} commit{'' if count == 1 else 's'}" if count else ""


def _in_path(ref: str) -> str:
    # A branch may be called `fix/#12`, and the `#` would end the path; GitLab leaves slashes as they are.
    return quote(ref[:1000], safe="/", errors="replace")


def _is_no_commit(sha: str) -> bool:
    """Return whether the SHA is all zeros: 40 of them, or 64 in SHA-256 repositories."""
    return bool(sha) and not sha.strip("0")


def release(action: str, payload: Payload) -> EventFacts | None:
    """Read a release; its fields are at the top level of the body."""
    tag = text_at(payload, "tag")
    if not tag:
        return None
    verb = {"create": "published", "update": "updated", "delete": "deleted"}.get(action, action)
    return EventFacts(
        f"{project_id(payload)}/releases/{tag}",
        f"Release {text_at(payload, 'name') or tag} was {verb or 'sent'}{inside(payload)}",
        project_url(payload) if action == "delete" else text_at(payload, "url"),
        "",
        first_time(payload, "created_at") if action == "create" else None,
    )


def wiki_page(action: str, payload: Payload) -> EventFacts | None:
    """Read a wiki page; the event of a deleted page links to the wiki."""
    page, who = map_at(payload, "object_attributes"), person(payload.get("user"))
    title = text_at(page, "title")
    if not title:
        return None
    verb = {"create": "created", "update": "edited", "delete": "deleted"}.get(action, action)
    return EventFacts(
        f"{project_id(payload)}/wikis/{text_at(page, 'slug') or title}",
        sentence(who, verb, "wiki page", title) + inside(payload),
        text_at(payload, "wiki", "web_url") if action == "delete" else text_at(page, "url"),
        who,
    )
