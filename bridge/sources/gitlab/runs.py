"""Pipelines, jobs, deployments and feature flags.

Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from bridge.core.payload import map_at, text_at, true_at
from bridge.sources.gitlab.facts import EventFacts, Payload, first_time, inside, person, project_id, project_url

_STATUSES = {
    "created": "was created",
    "preparing": "is being prepared",
    "waiting_for_resource": "waits for a resource",
    "waiting_for_callback": "waits for a callback",
    "pending": "is pending",
    "running": "is running",
    "success": "passed",
    "failed": "failed",
    "canceling": "is being canceled",
    "canceled": "was canceled",
    "skipped": "was skipped",
    "manual": "waits for a manual start",
    "scheduled": "starts after a delay",
}
_DEPLOYMENT_STATUSES = {
    "running": "started",
    "success": "succeeded",
    "blocked": "waits for approval",
    "approved": "was approved",
    "rejected": "was rejected",
}
_TIME_OF_STATUS = {
    "created": "created_at",
    "running": "started_at",
    "success": "finished_at",
    "failed": "finished_at",
    "canceled": "finished_at",
    "skipped": "finished_at",
}
"""The time field for each status. A restarted run keeps its old times, so only this field is current."""


def pipeline(status: str, payload: Payload) -> EventFacts | None:
    """Read a pipeline in a new status."""
    run, web = map_at(payload, "object_attributes"), project_url(payload)
    object_id = text_at(run, "id")
    if not object_id:
        return None
    return EventFacts(
        f"{project_id(payload)}/pipelines/{object_id}",
        f"Pipeline #{object_id}{_on(run)}{inside(payload)} {_says(status)}",
        text_at(run, "url") or (f"{web}/-/pipelines/{object_id}" if web else ""),
        person(payload.get("user")),
        first_time(run, _TIME_OF_STATUS.get(status, "")),
    )


def build(status: str, payload: Payload) -> EventFacts | None:
    """Read a job in a new status. GitLab calls it ``build`` in the body, and its ``commit.id`` is the pipeline's id."""
    object_id, web = text_at(payload, "build_id"), project_url(payload)
    if not object_id:
        return None
    return EventFacts(
        f"{project_id(payload)}/jobs/{object_id}",
        f"Job {text_at(payload, 'build_name') or object_id}{_on(payload)}{inside(payload)} {_says(status)}",
        f"{web}/-/jobs/{object_id}" if web else "",
        person(payload.get("user")),
        first_time(payload, "build_" + _TIME_OF_STATUS.get(status, "")),
    )


def deployment(status: str, payload: Payload) -> EventFacts | None:
    """Read a deployment in a new status; ``approved`` and ``rejected`` name the person as ``approver``."""
    object_id, environment, web = (
        text_at(payload, "deployment_id"),
        text_at(payload, "environment"),
        project_url(payload),
    )
    if not environment:
        return None
    return EventFacts(
        f"{project_id(payload)}/deployments/{object_id or environment}",
        f"Deployment to {environment}{inside(payload)} {_DEPLOYMENT_STATUSES.get(status) or _says(status)}",
        text_at(payload, "deployable_url") or (f"{web}/-/environments" if web else ""),
        person(payload.get("approver")) or person(payload.get("user")),
        first_time(payload, "status_changed_at"),
    )


def feature_flag(_action: str, payload: Payload) -> EventFacts | None:
    """Read a feature flag that was turned on or off. The body has no time, and no number for the flag's page."""
    flag, who, web = map_at(payload, "object_attributes"), person(payload.get("user")), project_url(payload)
    name = text_at(flag, "name")
    if not name:
        return None
    return EventFacts(
        f"{project_id(payload)}/feature_flags/{text_at(flag, 'id') or name}",
        f"{who or 'Somebody'} turned {'on' if true_at(flag, 'active') else 'off'} feature flag {name}{inside(payload)}",
        f"{web}/-/feature_flags" if web else "",
        who,
    )


def _says(status: str) -> str:
    return _STATUSES.get(status) or f"is now {status.replace('_', ' ') or 'known'}"


def _on(run: Payload) -> str:
    ref = text_at(run, "ref")
    if ref.startswith("refs/merge-requests/"):  # a job of a merge request's pipeline: refs/merge-requests/7/head
        return f" for !{ref.split('/')[2]}"
    return f" on {ref}" if ref else ""
