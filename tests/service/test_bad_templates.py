"""Tests of a running bridge with wrong templates: the fallback is posted, and the channel worker goes on."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.bridges import bridge, sample_request

GONE = "template reads a field that no event has"
CHILD = '{% extends "message.j2" %}\n'
BAD = {
    "a syntax error": "{% if %}",
    "a loop without end": CHILD
    + "{% block title %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endblock %}",
    "a macro that calls itself": CHILD
    + "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{% block title %}{{ m() }}{% endblock %}",
    "10 MB of text": CHILD + '{% block body %}{{ "x" * 10000000 }}{% endblock %}',
    "10 MB in pieces": CHILD + "{% block body %}{% for i in range(99999) %}" + "x" * 100 + "{% endfor %}{% endblock %}",
    "a missing include": CHILD + "{% block body %}{% include 'gitlab/_gone.j2' %}{% endblock %}",
    "a missing parent": '{% extends "mesage.j2" %}',
    "a filter that does not exist": CHILD + "{% block title %}{{ line | shuot }}{% endblock %}",
}


@pytest.mark.parametrize("name", BAD)
async def test_the_fallback_is_posted_and_the_worker_continues(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "templates" / "gitlab"
    folder.mkdir(parents=True)
    (folder / "issue.j2").write_text(BAD[name])
    async with bridge(tmp_path, BRIDGE_TEMPLATES=str(tmp_path / "templates")) as here:
        status, _, _ = await here.send(sample_request("gitlab/issue.open"))
        assert status == 200
        (fallback,) = await here.slack.wait_for("general", 1)
        assert "Template gitlab/issue.j2:" in str(fallback.body)
        await here.send(sample_request("gitlab/pipeline.failed"))
        _, second = await here.slack.wait_for("general", 2)
        assert "Template" not in str(second.body)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CHILD + "{% block tite %}never{% endblock %}", "GitLab issue open"),
        (CHILD + "{% if payload.nothing %}{% block title %}always{% endblock %}{% endif %}", "always"),
        (CHILD + "never\n{% block title %}there{% endblock %}", "there"),
    ],
    ids=["a misspelt block", "a block inside if", "text outside blocks"],
)
async def test_errors_that_jinja_ignores_lose_no_message(tmp_path: Path, text: str, shown: str) -> None:
    folder = tmp_path / "templates" / "gitlab"
    folder.mkdir(parents=True)
    (folder / "issue.j2").write_text(text)
    async with bridge(tmp_path, BRIDGE_TEMPLATES=str(tmp_path / "templates")) as here:
        await here.send(sample_request("gitlab/issue.open"))
        (post,) = await here.slack.wait_for("general", 1)
        assert shown in str(post.body)
        assert "never" not in str(post.body)


@pytest.mark.slow
async def test_the_log_names_a_template_of_an_earlier_version_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "gitlab"
    folder.mkdir(parents=True)
    (folder / "issue.j2").write_text(CHILD + "{% block title %}{{ link(event.url, event.title) }}{% endblock %}")
    with capture_logs() as entries:
        async with bridge(tmp_path, BRIDGE_TEMPLATES=str(tmp_path / "templates")) as here:
            await here.send(sample_request("gitlab/issue.open"))
            (post,) = await here.slack.wait_for("general", 1)
            async with asyncio.timeout(20):
                while not (found := [one for one in entries if one["event"] == GONE]):  # noqa: ASYNC110 (a log)
                    await asyncio.sleep(0.05)
    assert [(one["file"], one["line"]) for one in found] == [("templates/gitlab/issue.j2", 2)]
    assert "/issues/312" in str(post.body)
