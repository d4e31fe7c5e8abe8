"""The states of pipelines, jobs and deployments, for routes with ``notify = "on_change"``.

Only a run that passed or failed has a result. A canceled, skipped or unfinished one says nothing about its branch.

Sources: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/ and CI/CD
pipelines, https://docs.gitlab.com/ci/pipelines/
"""

from collections.abc import Mapping
from typing import Protocol

from bridge.core.payload import int_at, map_at, text_at, true_at
from bridge.events import Event
from bridge.sources.gitlab.facts import Payload, project_id
from bridge.sources.provider import RunState

_RESULTS = frozenset({"success", "failed"})
_LARGEST = 2**63
"""GitLab's ids are 64-bit integers; a forged one may be longer."""


class _Reader(Protocol):
    def __call__(self, status: str, payload: Payload) -> RunState | None: ...


def run_state(event: Event) -> RunState | None:
    """Return the state of a pipeline, job or deployment; None for any other event, and without the fields for it."""
    kind, _, status = event.type.partition(".")
    reader = _READERS.get(kind)
    return reader(status, event.payload) if reader else None


def _pipeline(status: str, payload: Payload) -> RunState | None:
    """Group by branch, tag or merge request. The id of a retried pipeline stays the same."""
    run = map_at(payload, "object_attributes")
    ref = text_at(run, "ref")
    source = text_at(run, "source")
    # A merge request's pipeline has the name of the source branch as ref. In a fork that may be `main` too.
    request = text_at(payload, "merge_request", "iid")
    where = f"!{request}" if request else _where(ref, payload=run)
    # A child pipeline runs on its parent's branch, and may pass where the parent fails.
    kind = "child pipeline" if source == "parent_pipeline" else "pipeline"
    return _state(kind, status, payload, where, int_at(run, "id"))


def _build(status: str, payload: Payload) -> RunState | None:
    """Group by branch, tag or merge request, and the job's name.

    A retried job has a new id, so the order is the pipeline's first.
    """
    name = text_at(payload, "build_name")
    where = _where(text_at(payload, "ref"), payload)
    # `commit.id` is the pipeline's id, not a commit's.
    pipeline = int_at(payload, "pipeline_id") or int_at(payload, "commit", "id")
    return _state(
        "job", status, payload, f"{where}/{name}" if where and name else "", pipeline, int_at(payload, "build_id")
    )


def _deployment(status: str, payload: Payload) -> RunState | None:
    """Group by environment. Each deployment has an id of its own, also one of an older commit."""
    return _state("deployment", status, payload, text_at(payload, "environment"), int_at(payload, "deployment_id"))


_READERS: Mapping[str, _Reader] = {"pipeline": _pipeline, "build": _build, "deployment": _deployment}


def _where(ref: str, payload: Payload) -> str:
    return f"tag {ref}" if ref and true_at(payload, "tag") else ref


def _state(kind: str, status: str, payload: Payload, where: str, *order: int | None) -> RunState | None:
    project = project_id(payload)
    if not (project and where and status):
        return None
    known = tuple(number for number in order if number is not None and 0 < number < _LARGEST)
    return RunState(
        kind=kind,
        group=f"{project}/{kind}/{where}",
        state=status,
        order=known if len(known) == len(order) else (),
        counts=status in _RESULTS,
        good=status == "success",
    )
