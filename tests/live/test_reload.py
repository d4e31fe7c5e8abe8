"""Tests of reload in a running bridge: detected changes, applied changes, and log lines."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.config.diagnostics import Diagnostic
from bridge.config.settings import Settings, load_settings
from bridge.core import logs
from bridge.live.reload import LOOK_EVERY, SETTLED, Reload, ready
from bridge.live.snapshot import Snapshot, load_snapshot
from bridge.messages.compiling import compile_error, load_templates
from bridge.messages.templates import Templates
from tests.delivery.clock import HandClock

URL = "https://hooks.slack.com/services/T0/B0/hushgeneral"
ROUTES = "[[routes]]\nname = 'all'\nchannels = ['general']\n"


@dataclass
class Place:
    """Folder with a configuration, and a reload that watches it."""

    folder: Path
    clock: HandClock
    snapshot: Snapshot
    taken: list[Snapshot] = field(default_factory=list)
    now: Callable[[], None] = lambda: None
    swapped: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_over(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.taken.append(snapshot)
        self.swapped.set()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    async def looks(self, times: int = 1) -> None:
        """Look for changes ``n`` times, and apply them."""
        for _ in range(times):
            assert await self.clock.asleep() == pytest.approx(LOOK_EVERY)
            self.clock.advance(LOOK_EVERY)
            while (left := await self.clock.asleep()) != pytest.approx(LOOK_EVERY):
                assert left == pytest.approx(SETTLED)
                self.clock.advance(left)

    def texts(self, *names: str) -> list[str]:
        return [self.snapshot.templates.sources[name] for name in names]


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "hide", lambda _texts: None)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "bridge_channels__general").write_text(URL)
    (tmp_path / ".env").write_text("BRIDGE_SECRETS__GITLAB=hush-token\n")
    (tmp_path / "routes.toml").write_text(ROUTES)
    (tmp_path / "templates").mkdir()

    def read() -> tuple[Settings, list[Diagnostic]]:
        return load_settings({}, dotenv=tmp_path / ".env", secrets_dir=tmp_path / "secrets")

    settings, _ = read()
    clock = HandClock()
    place = Place(tmp_path, clock, load_snapshot(settings))
    reload = Reload(
        settings,
        lambda: place.snapshot,
        place.take_over,
        clock,
        read=read,
        dotenv=tmp_path / ".env",
        secrets_dir=tmp_path / "secrets",
    )
    place.now = reload.now
    task = asyncio.create_task(reload.run())
    yield place
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_read_while_nothing_changes(place: Place) -> None:
    with capture_logs() as entries:
        await place.looks(3)
    assert (place.taken, entries) == ([], [])


async def test_a_template_that_changes_is_taken_up_once(place: Place) -> None:
    place.write("templates/gitlab/push.j2", "changed")
    with capture_logs() as entries:
        await place.looks(3)
    assert place.texts("gitlab/push.j2") == ["changed"]
    assert len(place.taken) == 1
    assert entries == [{"event": "configuration reloaded", "changed": "1 template", "log_level": "info"}]


async def test_a_file_that_is_still_being_written_is_left_until_it_is_whole(place: Place) -> None:
    place.write("routes.toml", "[[rou")
    with capture_logs() as entries:
        await place.clock.asleep()
        place.clock.advance(LOOK_EVERY)
        assert await place.clock.asleep() == pytest.approx(SETTLED)
        place.write("routes.toml", ROUTES + "[channels.general]\nprivate = true\n")
        place.clock.advance(SETTLED)
        assert await place.clock.asleep() == pytest.approx(SETTLED)
        place.clock.advance(SETTLED)
        await place.looks(1)
    assert [entry["event"] for entry in entries] == ["configuration reloaded"]
    assert place.snapshot.channels["general"].policy.private


async def test_an_invalid_configuration_changes_nothing_and_each_error_is_reported_once(place: Place) -> None:
    place.write("routes.toml", "[[routes]]\nchanels = ['general']\n[[routes]]\nchannels = ['a']\nwhn = ''\n")
    with capture_logs() as entries:
        await place.looks(3)
    assert place.taken == []
    assert {entry["log_level"] for entry in entries} == {"error"}
    assert [(entry["file"], entry["line"]) for entry in entries] == [("routes.toml", line) for line in (1, 2, 5)]
    assert all(entry["message"] and entry["hint"] and entry["code"].startswith("route-") for entry in entries)
    place.write("routes.toml", ROUTES)
    with capture_logs() as entries:
        await place.looks(2)
    assert [(entry["event"], entry["changed"]) for entry in entries] == [("configuration reloaded", "nothing")]


async def test_it_reads_at_once_when_asked_though_nothing_changed(place: Place) -> None:
    await place.clock.asleep()
    with capture_logs() as entries:
        place.now()
        await asyncio.wait_for(place.swapped.wait(), 5)
        await place.clock.asleep()
    assert entries == [{"event": "configuration reloaded", "changed": "nothing", "log_level": "info"}]


async def test_urls_and_secrets_rotate_and_no_line_shows_them(place: Place) -> None:
    place.write("secrets/bridge_channels__general", "https://hooks.slack.com/services/T0/B0/hushnew")
    place.write(".env", 'BRIDGE_SECRETS__GITLAB=["hush-new", "hush-token"]\nBRIDGE_SECRETS__SHOPIFY=hush-shop\n')
    before = place.snapshot.templates
    with capture_logs() as entries:
        await place.looks(1)
    assert place.snapshot.channels["general"].url.get_secret_value().endswith("hushnew")
    assert place.snapshot.sources["gitlab"].secrets == ("hush-new", "hush-token")
    assert place.snapshot.templates is before
    [entry] = entries
    assert entry["changed"] == "the secrets of gitlab, the secrets of shopify, the channel general"
    assert "hush" not in str(entries)


async def test_real_buttons_are_drawn_from_the_next_message_on(place: Place) -> None:
    place.write(".env", "BRIDGE_SECRETS__GITLAB=hush-token\nBRIDGE_LINK_BUTTONS=true\n")
    with capture_logs() as entries:
        await place.looks(1)
    assert place.snapshot.templates.link_buttons
    assert [entry.get("changed") for entry in entries] == ["BRIDGE_LINK_BUTTONS"]


async def test_a_setting_for_the_next_start_is_reported_once(place: Place) -> None:
    place.write(".env", "BRIDGE_SECRETS__GITLAB=hush-token\nBRIDGE_PORT=99\nBRIDGE_STORE=sqlite:///other.db\n")
    with capture_logs() as entries:
        await place.looks(1)
        place.write("templates/gitlab/push.j2", "changed")
        await place.looks(1)
    assert [entry.get("settings") for entry in entries] == [None, "BRIDGE_PORT, BRIDGE_STORE", None]


async def test_a_deleted_file_is_detected(place: Place) -> None:
    (place.folder / "secrets" / "bridge_channels__general").unlink()
    with capture_logs() as entries:
        await place.looks(2)
    [entry] = entries
    assert "BRIDGE_CHANNELS__GENERAL" in entry["hint"]
    assert entry["code"] == "channel-without-url"
    assert place.taken == []


MINE = "[[routes]]\nname = 'mine'\nchannels = ['general']\n"


@pytest.mark.parametrize("how", ["deleted", "renamed", "replaced by a broken link"])
async def test_a_routes_file_that_vanishes_is_refused_once_and_read_when_it_is_back(place: Place, how: str) -> None:
    routes = place.folder / "routes.toml"
    routes.rename(place.folder / "away.toml")
    if how == "deleted":
        (place.folder / "away.toml").unlink()
    if how == "replaced by a broken link":
        routes.symlink_to("nowhere")
    with capture_logs() as entries:
        await place.looks(3)
    [entry] = entries
    assert (entry["event"], entry["log_level"]) == ("configuration refused, the previous one stays in force", "error")
    assert (entry["code"], entry["file"]) == ("routes-unreadable", "routes.toml")
    assert entry["hint"]
    assert place.taken == []
    routes.unlink(missing_ok=True)
    place.write("routes.toml", MINE)
    with capture_logs() as entries:
        await place.looks(3)
    assert [entry["event"] for entry in entries] == ["configuration reloaded"]
    assert [route.name for route in place.snapshot.routes.routes] == ["mine"]


@pytest.mark.parametrize("how", ["deleted", "renamed", "emptied, as by an unmount"])
async def test_a_templates_folder_that_vanishes_is_refused_once_and_read_when_it_is_back(
    place: Place, how: str
) -> None:
    place.write("templates/gitlab/push.j2", "mine")
    await place.looks(1)
    place.taken.clear()
    folder = place.folder / "templates"
    if how == "renamed":
        folder.rename(place.folder / "away")
    else:
        shutil.rmtree(folder)
    if how == "emptied, as by an unmount":
        folder.mkdir()
    with capture_logs() as entries:
        await place.looks(3)
        place.now()
        await place.looks(1)
    assert [(entry["code"], entry["file"]) for entry in entries] == [("templates-unreadable", "templates")] * 2
    assert place.taken == []
    assert place.texts("gitlab/push.j2") == ["mine"]
    place.write("templates/gitlab/push.j2", "back")
    with capture_logs() as entries:
        await place.looks(2)
    assert [entry["event"] for entry in entries] == ["configuration reloaded"]
    assert place.texts("gitlab/push.j2") == ["back"]


async def test_a_routes_file_that_a_variable_names_is_missed_once_too(place: Place) -> None:
    place.write("mine.toml", MINE)
    place.write(".env", "BRIDGE_SECRETS__GITLAB=hush-token\nBRIDGE_ROUTES=mine.toml\n")
    await place.looks(1)
    place.taken.clear()
    (place.folder / "mine.toml").unlink()
    with capture_logs() as entries:
        await place.looks(3)
    assert [(entry["code"], entry["file"]) for entry in entries] == [("setting-invalid", "BRIDGE_ROUTES")]
    assert place.taken == []
    place.write("mine.toml", ROUTES)
    await place.looks(2)
    assert [route.name for route in place.snapshot.routes.routes] == ["all"]


async def test_a_vanished_file_holds_up_what_else_changed_until_it_is_back(place: Place) -> None:
    (place.folder / "routes.toml").rename(place.folder / "away.toml")
    place.write("templates/gitlab/push.j2", "changed")
    await place.looks(2)
    assert place.taken == []
    (place.folder / "away.toml").rename(place.folder / "routes.toml")
    await place.looks(2)
    assert len(place.taken) == 1
    assert place.texts("gitlab/push.j2") == ["changed"]


async def test_an_editor_that_saves_by_rename_reports_nothing(place: Place) -> None:
    routes = place.folder / "routes.toml"
    with capture_logs() as entries:
        await place.clock.asleep()
        routes.rename(place.folder / "routes.toml~")
        place.clock.advance(LOOK_EVERY)
        assert await place.clock.asleep() == pytest.approx(SETTLED)
        place.write("new", MINE)
        (place.folder / "new").rename(routes)
        place.clock.advance(SETTLED)
        assert await place.clock.asleep() == pytest.approx(SETTLED)
        place.clock.advance(SETTLED)
        await place.looks(1)
    assert [entry["event"] for entry in entries] == ["configuration reloaded"]


async def test_routes_that_no_variable_names_any_more_are_given_up_on_purpose(place: Place) -> None:
    place.write("other.toml", MINE)
    place.write(".env", "BRIDGE_SECRETS__GITLAB=hush-token\nBRIDGE_ROUTES=other.toml\n")
    await place.looks(1)
    assert [route.name for route in place.snapshot.routes.routes] == ["mine"]
    (place.folder / "routes.toml").unlink()
    place.write(".env", "BRIDGE_SECRETS__GITLAB=hush-token\n")
    await place.looks(1)
    assert [route.name for route in place.snapshot.routes.routes] != ["mine"]


async def test_a_file_that_a_faulty_configuration_names_is_looked_at_too(place: Place) -> None:
    place.write("other.toml", "[[routes]]\nchanels = ['general']\n")
    place.write(".env", "BRIDGE_SECRETS__GITLAB=hush-token\nBRIDGE_ROUTES=other.toml\n")
    with capture_logs() as entries:
        await place.looks(1)
        await place.looks(1)
    assert len(entries) == 2
    place.write("other.toml", ROUTES)
    with capture_logs() as entries:
        await place.looks(1)
    assert [entry["event"] for entry in entries] == ["configuration reloaded"]


async def compiled_here(templates: Templates, name: str) -> Diagnostic | None:
    return compile_error(templates, name)


async def test_a_template_that_breaks_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "gitlab").mkdir()
    (tmp_path / "gitlab" / "push.j2").write_text("good")
    (tmp_path / "gitlab" / "issue.j2").write_text("{% broken")
    before = load_templates(tmp_path, {})
    (tmp_path / "gitlab" / "push.j2").write_text("{{ broken")
    (tmp_path / "gitlab" / "pipeline.j2").write_text("changed")
    with capture_logs() as entries:
        templates = await ready(load_templates(tmp_path, {}), before, compiled_here)
    assert templates.sources["gitlab/push.j2"] == "good"
    assert templates.sources["gitlab/pipeline.j2"] == "changed"
    assert templates.environment.get_template("gitlab/push.j2").render() == "good"
    assert [entry["log_level"] for entry in entries] == ["warning", "error"]
    with capture_logs() as entries:
        again = await ready(load_templates(tmp_path, {}), templates, compiled_here)
    assert again.sources["gitlab/push.j2"] == "good"


async def test_a_changed_template_that_reads_a_field_of_an_earlier_version_is_logged_once(tmp_path: Path) -> None:
    (tmp_path / "gitlab").mkdir()
    (tmp_path / "gitlab" / "push.j2").write_text("{{ event.name }}")
    before = load_templates(tmp_path, {})
    (tmp_path / "gitlab" / "push.j2").write_text("\n{{ event.title }}")
    with capture_logs() as entries:
        templates = await ready(load_templates(tmp_path, {}), before, compiled_here)
        await ready(load_templates(tmp_path, {}), templates, compiled_here)
    (entry,) = entries
    assert (entry["event"], entry["file"], entry["line"]) == (
        "template reads a field that no event has",
        "templates/gitlab/push.j2",
        2,
    )
    assert entry["hint"] == "`event.title` is gone: use `event.name`, or words of your own"
