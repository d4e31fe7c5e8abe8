"""Tests of the commands from a user's view: output, streams and exit status."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.config.packaged import packaged_templates
from bridge.core.version import __version__
from bridge.sources import PROVIDERS
from tests.cli.command import run
from tests.slack.answers import NO_SERVICE
from tests.slack.simulator import SlackSimulator


def test_help_names_every_command(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("serve", "demo", "check", "test", "render", "init", "health"):
        assert command in done.stdout


def test_the_version(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout == f"bridge {__version__}\n"


@pytest.mark.parametrize("arguments", [["--nope"], ["nope"], ["render"], ["test", "general", "--event", "x/y"]])
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_init_copies_out_and_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text("# mine\n")
    done = run(tmp_path, "init")
    assert done.returncode == 0
    assert (tmp_path / "routes.toml").read_text() == "# mine\n"
    assert f"kept    {Path('routes.toml')}" in done.stdout
    copied = {path.relative_to(tmp_path / "templates") for path in (tmp_path / "templates").rglob("*.j2")}
    assert copied == {path.relative_to(packaged_templates()) for path in packaged_templates().rglob("*.j2")}


def test_init_into_a_place_that_cannot_be_written_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path, "init", "file/below")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_check_finds_no_error_in_the_shipped_files(tmp_path: Path) -> None:
    done = run(tmp_path, "check")
    assert done.returncode == 0, done.stdout
    assert "0 errors" in done.stdout
    assert "BRIDGE_SECRETS__GITLAB: is not set, so the source gitlab is off" in done.stdout
    assert "\x1b" not in done.stdout


def test_strict_makes_notes_fail_the_check(tmp_path: Path) -> None:
    assert run(tmp_path, "check", "--strict").returncode == 1


def test_env_adds_the_errors_of_serve(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--env")
    assert done.returncode == 1
    assert "BRIDGE_CHANNELS__GENERAL" in done.stdout


def test_env_adds_a_store_that_cannot_be_opened(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--env", environ={"BRIDGE_STORE": "postgres://hush@db/x"})
    assert done.returncode == 1
    assert "error: BRIDGE_STORE: names no known kind of store" in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_check_names_the_variable_of_a_source_whose_name_has_a_dash(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(
        '[sources.stripe-eu]\nprovider = "stripe"\n[[routes]]\nchannels = ["general"]\n'
    )
    assert "BRIDGE_SECRETS__STRIPE_EU: is not set" in run(tmp_path, "check").stdout


@pytest.mark.parametrize("events", ['["push"]', '["no.such"]'], ids=["with samples", "without samples"])
def test_check_names_a_routes_template_that_is_not_there(tmp_path: Path, events: str) -> None:
    (tmp_path / "routes.toml").write_text(
        f'[[routes]]\nevents = {events}\ntemplate = "gitlab/pusch.j2"\nchannels = ["general"]\n'
    )
    done = run(tmp_path, "check")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "pusch" in line]
    assert line.startswith("error: routes.toml:3:1: ")
    assert "did you mean `gitlab/push.j2`?" in line


def test_check_names_file_line_and_hint_of_a_wrong_route(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text('[[routes]]\nname = "x"\nchanels = ["general"]\n')
    done = run(tmp_path, "check")
    assert done.returncode == 1
    assert "routes.toml:3:" in done.stdout
    assert "`channels`" in done.stdout


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% extends 'message.j2' %}\n{% block tite %}x{% endblock %}", ":2: "),
        ("{% extends 'message.j2' %}\n{% block title %}{{ payload.nothing.here }}{% endblock %}", "nothing"),
        ("{% extends 'message.j2' %}\n{% block title %}{{ payload.project.name | safe }}{% endblock %}", "safe"),
        ("{% extends 'message.j2' %}\n\n{% if %}", ":3: "),
        ("{% extends 'message.j2' %}\n{% block title %}{{ line | shout }}{% endblock %}", "shout"),
        ("{% extends 'message.j2' %}\nlost text\n{% block title %}x{% endblock %}", "outside"),
        ("{% extends 'message.j2' %}\n{% include 'gone.j2' %}", "gone.j2"),
        ("{{ ([[[1]*9999]*9999]*9999) == ([[[1]*9999]*9999]*9999) }}", "took too long"),
    ],
    ids=[
        "misspelt block",
        "undefined field",
        "safe",
        "syntax",
        "filter",
        "text outside blocks",
        "include",
        "never ends",
    ],
)
def test_check_finds_an_error_of_a_template(tmp_path: Path, template: str, expected: str) -> None:
    folder = tmp_path / "templates" / "gitlab"
    folder.mkdir(parents=True)
    (folder / "push.j2").write_text(template)
    done = run(tmp_path, "check", "gitlab/push.j2")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if "gitlab/push.j2" in line]
    assert any(expected in line for line in lines), done.stdout


def test_check_notes_a_route_that_nothing_can_match_and_a_template_that_serves_nothing(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text('[[routes]]\nname = "never"\nevents = ["no.such"]\nchannels = ["general"]\n')
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "lonely.j2").write_text("{% extends 'message.j2' %}{% block title %}x{% endblock %}")
    done = run(tmp_path, "check")
    assert done.returncode == 0, done.stdout
    assert "'never'" in done.stdout
    assert "templates/lonely.j2" in done.stdout


def test_check_reports_a_condition_that_cannot_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(
        '[[routes]]\nname = "odd"\nchannels = ["general"]\nsource = "stripe"\nwhen = "payload.type / 2 > 1"\n'
    )
    done = run(tmp_path, "check")
    assert done.returncode == 1
    assert "routes.toml:5:1: " in done.stdout


def test_render_shows_a_message(tmp_path: Path) -> None:
    done = run(tmp_path, "render", "gitlab/pipeline.failed")
    assert done.returncode == 0
    assert "failed" in done.stdout
    assert "\x1b" not in done.stdout


def test_an_alert_is_rendered_with_the_operators_own_template_and_words(tmp_path: Path) -> None:
    assert "#deploys is stopped: the channel is archived" in run(tmp_path, "render", "bridge/channel.stopped").stdout
    own = tmp_path / "templates" / "bridge"
    own.mkdir(parents=True)
    (own / "words.toml").write_text('[reasons]\nchannel_is_archived = "it was put away"\n')
    (own / "channel.resumed.j2").write_text("{{ payload.channel }} again")
    assert "#deploys is stopped: it was put away" in run(tmp_path, "render", "bridge/channel.stopped").stdout
    assert "deploys again" in run(tmp_path, "render", "bridge/channel.resumed").stdout
    assert "0 errors" in run(tmp_path, "check").stdout


def test_render_prints_the_json_that_is_posted(tmp_path: Path) -> None:
    done = run(tmp_path, "render", "stripe/charge.failed", "--json")
    body = json.loads(done.stdout)
    assert body["text"]
    assert body["blocks"]


@pytest.mark.parametrize(("setting", "kind"), [("false", "section"), ("true", "actions")])
def test_render_draws_links_or_buttons_as_they_would_be_sent(tmp_path: Path, setting: str, kind: str) -> None:
    (tmp_path / ".env").write_text(f"BRIDGE_LINK_BUTTONS={setting}\n")
    done = run(tmp_path, "render", "stripe/charge.failed", "--json")
    last = json.loads(done.stdout)["attachments"][0]["blocks"][-1]
    assert last["type"] == kind
    assert "Open payment" in json.dumps(last)


def test_render_takes_a_recorded_body(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"object_kind": "push", "user_name": "Quill", "ref": "refs/heads/odd-branch"}')
    (tmp_path / "body.form").write_text("MessageSid=SM1&SmsStatus=received&From=%2B15550100&Body=recorded+words&To=1")
    assert "odd-branch" in run(tmp_path, "render", "gitlab/push", "--payload", "body.json", "--json").stdout
    done = run(tmp_path, "render", "twilio/message.received", "--payload", "body.form", "--json")
    assert "recorded words" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gitlab/pipeline.faild"], "gitlab/pipeline.failed"),
        (["gitlab"], "SOURCE/TYPE"),
        (["gitlub/push"], "gitlab"),
        (["gitlab/push", "--payload", "gone.json"], "gone.json"),
        (["gitlab/push", "--payload", "."], "."),
        (["gitlab/push", "--template", "gone.j2"], "gone.j2"),
    ],
)
def test_render_reports_what_it_cannot_find(tmp_path: Path, arguments: list[str], expected: str) -> None:
    done = run(tmp_path, "render", *arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_render_shows_the_fallback_of_a_broken_template_and_ends_with_1(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "gitlab"
    folder.mkdir(parents=True)
    (folder / "push.j2").write_text("{% extends 'message.j2' %}\n{% block title %}{{ 1 / 0 }}{% endblock %}")
    done = run(tmp_path, "render", "gitlab/push")
    assert done.returncode == 1
    assert "gitlab/push.j2:2" in done.stderr
    assert "GitLab push: main" in done.stdout


async def test_test_sends_a_message_to_every_channel_that_a_route_uses(tmp_path: Path) -> None:
    async with SlackSimulator() as slack:
        environ = {
            "BRIDGE_CHANNELS__GENERAL": slack.webhook("general"),
            "BRIDGE_CHANNELS__OTHER": slack.webhook("other"),
            "BRIDGE_SLACK_HOSTS": '["127.0.0.1"]',
        }
        done = await asyncio.to_thread(run, tmp_path, "test", environ=environ)
        assert done.returncode == 0, done.stderr
        assert "#general: Slack answered ok" in done.stdout
        assert "test" in str(slack.posts("general")[0].body["text"]).lower()
        assert not slack.posts("other")
        named = await asyncio.to_thread(run, tmp_path, "test", "other", environ=environ)
        assert named.returncode == 0
        assert len(slack.posts("other")) == 1
        unknown = await asyncio.to_thread(run, tmp_path, "test", "othr", environ=environ)
        assert unknown.returncode == 2
        assert "did you mean `other`?" in unknown.stderr


async def test_test_sends_a_sample_event_through_the_routes_marked_as_a_test(tmp_path: Path) -> None:
    async with SlackSimulator() as slack:
        environ = {"BRIDGE_CHANNELS__GENERAL": slack.webhook("general"), "BRIDGE_SLACK_HOSTS": '["127.0.0.1"]'}
        done = await asyncio.to_thread(run, tmp_path, "test", "--event", "shopify/orders/create", environ=environ)
        assert done.returncode == 0, done.stderr
        (post,) = slack.posts("general")
        assert "This is a test" in json.dumps(post.body)
        unwanted = await asyncio.to_thread(run, tmp_path, "test", "--event", "twilio/message.sent", environ=environ)
        assert unwanted.returncode == 1
        assert "no route matches message.sent" in unwanted.stdout


async def test_test_shows_slacks_answer_and_a_hint(tmp_path: Path) -> None:
    async with SlackSimulator() as slack:
        url = slack.webhook("general")
        slack.always("general", NO_SERVICE)
        environ = {"BRIDGE_CHANNELS__GENERAL": url, "BRIDGE_SLACK_HOSTS": '["127.0.0.1"]'}
        done = await asyncio.to_thread(run, tmp_path, "test", environ=environ)
        assert done.returncode == 1
        assert "no_service" in done.stdout
        assert "create a new one" in done.stdout
        assert url not in done.stdout + done.stderr


def test_test_without_a_url_names_the_variable_to_set(tmp_path: Path) -> None:
    done = run(tmp_path, "test")
    assert done.returncode == 2
    assert "BRIDGE_CHANNELS__GENERAL" in done.stderr


def test_init_writes_nothing_through_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "routes.toml").symlink_to(tmp_path / "elsewhere")
    done = run(tmp_path, "init", "here")
    assert done.returncode == 0
    assert "kept    here/routes.toml" in done.stdout
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("body", [b"\x00\xffgarbage&=\x80", b"a=1&b=2", b'{"object_kind":' * 9000])
def test_render_takes_no_garbage_for_a_body_of_gitlabs(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "body").write_bytes(body)
    done = run(tmp_path, "render", "gitlab/push", "--payload", "body")
    assert (done.returncode, done.stderr) == (2, "bridge: body: is not JSON, and gitlab sends nothing else\n")


@pytest.mark.parametrize("body", [b"\x00\xffgarbage&=\x80", b"hello", b""])
def test_render_takes_no_garbage_for_a_form(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "body").write_bytes(body)
    done = run(tmp_path, "render", "twilio/message.received", "--payload", "body")
    assert (done.returncode, done.stderr) == (2, "bridge: body: is neither JSON nor a form (name=value&…)\n")


def test_render_names_the_nearest_template(tmp_path: Path) -> None:
    done = run(tmp_path, "render", "gitlab/push", "--template", "gitlab/psh.j2")
    assert done.returncode == 2
    assert "did you mean `gitlab/push.j2`?" in done.stderr


def test_an_empty_event_sends_nothing_anywhere(tmp_path: Path) -> None:
    done = run(tmp_path, "test", "--event", "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not SOURCE/TYPE" in done.stderr


def test_a_broken_template_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "templates" / "gitlab").mkdir(parents=True)
    (tmp_path / "templates" / "gitlab" / "push.j2").write_text("{% block")
    done = run(tmp_path, "check")
    assert done.returncode == 1
    assert done.stdout.count("templates/gitlab/push.j2:1: ") == 1
    assert f"1 error, {len(PROVIDERS)} notes" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("arguments", ["check", "render gitlab/push", "--version"])
def test_an_output_that_cannot_be_written_is_a_one_line_error(tmp_path: Path, arguments: str) -> None:
    command = [sys.executable, "-m", "bridge", *arguments.split()]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "bridge: cannot write to standard output: No space left on device\n"
