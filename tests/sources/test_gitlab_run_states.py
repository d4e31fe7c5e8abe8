"""Tests of the states of GitLab's pipelines, jobs and deployments: what is compared with what, and in which order."""

import pytest

from bridge.sources.gitlab.provider import PROVIDER
from bridge.sources.provider import RunState
from tests.sources.gitlab_bodies import Json, changed, read, sample

PIPELINE = "object_attributes"


def state(body: Json) -> RunState | None:
    return PROVIDER.run_state(read(body))


def known(body: Json) -> RunState:
    found = state(body)
    assert found is not None
    return found


def branch_pipeline(**fields: object) -> Json:
    body = changed("pipeline.success", PIPELINE, **{"source": "push", "ref": "main", **fields})
    return body | {"merge_request": None}


def test_a_pipeline_is_compared_with_those_of_its_project_and_branch() -> None:
    found = known(branch_pipeline(id=90300))
    project = sample("pipeline.success")["project"]
    assert isinstance(project, dict)
    assert found == RunState("pipeline", f"{project['id']}/pipeline/main", "success", (90300,), counts=True, good=True)


def test_a_failed_pipeline_of_the_same_branch_has_the_same_group_and_another_state() -> None:
    found = known(branch_pipeline(status="failed"))
    assert (found.group, found.state, found.counts, found.good) == (
        *(known(branch_pipeline()).group, "failed"),
        *(True, False),
    )


@pytest.mark.parametrize(
    "other",
    [
        branch_pipeline(ref="release"),
        branch_pipeline(tag=True),
        branch_pipeline(source="parent_pipeline"),
        branch_pipeline() | {"project": {"id": 2}},
        branch_pipeline() | {"merge_request": {"iid": 284}},
    ],
    ids=["another branch", "a tag named like it", "a child", "another project", "a merge request from such a branch"],
)
def test_what_runs_elsewhere_is_another_group(other: Json) -> None:
    assert known(other).group != known(branch_pipeline()).group


@pytest.mark.parametrize(
    "name",
    [
        *("pipeline.created", "pipeline.pending", "pipeline.running", "pipeline.canceled", "pipeline.skipped"),
        *("pipeline.manual", "pipeline.canceling", "build.running", "build.canceled", "build.skipped", "build.manual"),
        *("deployment.created", "deployment.running", "deployment.canceled", "deployment.blocked"),
        *("deployment.approved", "deployment.rejected"),
    ],
)
def test_a_run_without_a_result_does_not_count(name: str) -> None:
    assert not known(sample(name)).counts


@pytest.mark.parametrize("name", ["pipeline", "build", "deployment"])
def test_a_run_that_passed_or_failed_counts_and_only_the_first_is_good(name: str) -> None:
    passed, failed = known(sample(f"{name}.success")), known(sample(f"{name}.failed"))
    assert (passed.counts, passed.good, failed.counts, failed.good) == (True, True, True, False)


def test_jobs_of_a_branch_are_compared_by_name() -> None:
    lint, test = (known(changed("build.failed", "", build_name=name)) for name in ("lint", "test"))
    assert lint.group != test.group
    assert known(changed("build.failed", "", build_id=9, sha="other")).group == known(sample("build.failed")).group


def test_a_job_retried_in_an_old_pipeline_is_older_than_one_of_a_new_pipeline() -> None:
    """A retried job has a new id (GitLab docs, Jobs API, "Retry a job", https://docs.gitlab.com/api/jobs/)."""
    retried = known(changed("build.failed", "", pipeline_id=10, build_id=900))
    assert retried.order < known(changed("build.success", "", pipeline_id=11, build_id=800)).order


def test_a_job_of_an_older_gitlab_has_its_pipeline_as_commit_id() -> None:
    body = changed("build.failed", "", pipeline_id=None)
    assert known(body).order == known(sample("build.failed")).order


def test_deployments_are_compared_by_environment_whatever_was_deployed() -> None:
    group = known(sample("deployment.success")).group
    assert known(changed("deployment.failed", "", ref="other", environment="production")).group == group
    assert known(changed("deployment.failed", "", environment="staging")).group != group


@pytest.mark.parametrize("body", [sample("push"), sample("merge_request.open"), {"object_kind": "pipeline"}])
def test_anything_else_has_no_state(body: Json) -> None:
    assert state(body) is None


@pytest.mark.parametrize("number", [None, -1, 2**200, "x", True, [1]])
def test_an_id_that_is_none_leaves_the_order_unknown(number: object) -> None:
    body = branch_pipeline()
    attributes = body[PIPELINE]
    assert isinstance(attributes, dict)
    attributes["id"] = number
    assert known(body).order == ()
