"""Tests of the page over HTTP: only a client with the secret address may use it."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest

from bridge.core.payload import int_at, text_at
from bridge.live.snapshot import Snapshot
from bridge.preview import session
from bridge.preview.app import HEADERS, is_own_host
from bridge.preview.files import TemplateFiles, fingerprint
from bridge.preview.session import PreviewRequest
from tests.preview.conftest import TITLE, TOKEN, Address


async def post(
    address: Address, path: str, data: object, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(address.url + path, json=data, headers=headers) as answer,
    ):
        text = await answer.text()
        return answer.status, json.loads(text) if "json" in answer.content_type else {"text": text}


async def get(address: Address, path: str = "", host: str | None = None, token: str = TOKEN) -> tuple[int, str]:
    headers = {} if host is None else {"Host": host}
    url = f"http://127.0.0.1:{address.port}/{token}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("host", "bound", "ours"),
    [
        ("127.0.0.1:8081", "127.0.0.1", True),
        ("localhost:1", "127.0.0.1", True),
        ("localhost", "0.0.0.0", True),
        ("LOCALHOST.", "127.0.0.1", True),
        ("[::1]:8081", "127.0.0.1", True),
        ("127.8.8.8", "127.0.0.1", True),
        ("preview.example.com:99", "preview.example.com", True),
        ("Preview.Example.com", "preview.example.com", True),
        ("[fd00::1]:8081", "fd00::1", True),
        ("192.168.1.5:8081", "192.168.1.5", True),
        ("192.168.1.5:8081", "0.0.0.0", False),
        ("evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("evil.example@localhost", "127.0.0.1", True),  # the target of the link counts
        ("localhost@evil.example", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("", "", False),
        ("[", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("2130706433", "127.0.0.1", False),
    ],
)
def test_only_the_bound_name_and_loopback_are_accepted_with_any_port(host: str, bound: str, ours: bool) -> None:
    assert is_own_host(host, bound) is ours


async def test_the_page_and_its_parts_come_with_a_policy_that_lets_no_script_in(address: Address) -> None:
    status, page = await get(address)
    assert status == 200
    assert '<script src="page.js" defer></script>' in page
    assert "'unsafe" not in HEADERS["Content-Security-Policy"]
    for part in ("page.js", "page.css", "slack.css", "events"):
        assert (await get(address, part))[0] == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "%E2%82%AC", "%FF"])
async def test_without_the_token_there_is_nothing(address: Address, token: str) -> None:
    status, text = await get(address, token=token)
    assert status == 404
    assert TOKEN not in text
    assert (await get(address, "events", token=token))[0] == 404


async def test_another_name_is_refused_though_the_token_is_right(address: Address) -> None:
    assert (await get(address, host="evil.example"))[0] == 403
    assert (await get(address, host="localhost:1"))[0] == 200


async def test_another_page_cannot_save(address: Address, files: TemplateFiles) -> None:
    data = {"event": "gitlab/push", "file": "gitlab/push.j2", "text": "Theirs", "saved": fingerprint(TITLE)}
    assert (await post(address, "save", data, {"Origin": "https://evil.example"}))[0] == 403
    assert (await post(address, "save", data, {"Origin": "null"}))[0] == 403
    assert files.text("gitlab/push.j2") == TITLE


async def test_a_form_of_another_page_is_no_json(address: Address) -> None:
    async with aiohttp.ClientSession() as session, session.post(address.url + "save", data=b"{}") as answer:
        assert answer.status == 422


@pytest.mark.parametrize("data", [[], "x", 5, {"event": 5}, {"text": []}, {"event": "gitlab/push", "file": ["x"]}])
async def test_a_request_that_the_page_would_not_send_is_refused(address: Address, data: object) -> None:
    for path in ("render", "check", "save"):
        status, answer = await post(address, path, data)
        assert (status, list(answer)) == (422, ["refused"])


async def test_saving_writes_the_file_and_returns_its_new_state(address: Address, files: TemplateFiles) -> None:
    text = TITLE.replace("pushed", "has pushed")
    data = {"event": "gitlab/push", "file": "gitlab/push.j2", "text": text, "saved": fingerprint(TITLE)}
    status, answer = await post(address, "save", data)
    assert (status, answer["saved"]) == (200, fingerprint(text))
    assert (files.folder / "gitlab/push.j2").read_text("utf-8") == text
    _, seen = await post(address, "render", {"event": "gitlab/push"})
    assert "has pushed" in str(seen["html"])


async def test_a_text_that_the_check_rejects_is_not_saved_and_reported_at_its_line(
    address: Address, files: TemplateFiles
) -> None:
    text = TITLE.replace("title", "tite")
    data = {"event": "gitlab/push", "file": "gitlab/push.j2", "text": text, "saved": fingerprint(TITLE)}
    status, answer = await post(address, "save", data)
    assert status == 422
    assert text_at(answer, "findings", 0, "file") == "templates/gitlab/push.j2"
    assert int_at(answer, "findings", 0, "line") == 2
    assert files.text("gitlab/push.j2") == TITLE


async def test_a_file_changed_by_another_editor_is_not_overwritten(address: Address, files: TemplateFiles) -> None:
    (files.folder / "gitlab/push.j2").write_text("Written elsewhere", "utf-8")
    data = {"event": "gitlab/push", "file": "gitlab/push.j2", "text": "Mine", "saved": fingerprint(TITLE)}
    assert (await post(address, "save", data))[0] == 409
    assert files.text("gitlab/push.j2") == "Written elsewhere"


async def test_of_two_tabs_that_save_at_once_one_is_refused(address: Address, files: TemplateFiles) -> None:
    tabs = [
        post(address, "save", {"event": "gitlab/push", "file": "gitlab/push.j2", "text": text, "saved": known})
        for known in [fingerprint(TITLE)]
        for text in ("one", "two", "three", "four")
    ]
    done = [status for status, _ in await asyncio.gather(*tabs)]
    assert sorted(done) == [200, 409, 409, 409]
    assert files.text("gitlab/push.j2") in ("one", "two", "three", "four")


async def test_a_file_that_is_no_text_is_not_overwritten(address: Address, files: TemplateFiles) -> None:
    (files.folder / "gitlab/push.j2").write_bytes(b"\xff")
    status, answer = await post(
        address, "save", {"event": "gitlab/push", "file": "gitlab/push.j2", "text": "x", "saved": ""}
    )
    assert status == 422
    assert "push.j2 is not UTF-8" in str(answer["refused"])
    assert (files.folder / "gitlab/push.j2").read_bytes() == b"\xff"


async def test_a_new_request_does_not_wait_for_an_abandoned_one(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    go_on = threading.Event()
    look = session.render_message

    def slow(asked: PreviewRequest, snapshot: Snapshot, files: TemplateFiles, now: float) -> dict[str, object]:
        seen.append(asked.text or "")
        if asked.text == "0":
            go_on.wait(10)
        return look(asked, snapshot, files, now)

    monkeypatch.setattr(session, "render_message", slow)
    data = {"event": "gitlab/push", "file": "gitlab/push.j2"}
    typed = []
    for n in range(5):
        typed.append(asyncio.create_task(post(address, "render", {**data, "text": str(n)})))
        await asyncio.sleep(0.2)  # the slow answer has arrived by now
    for abandoned in typed[:4]:
        abandoned.cancel()
    await asyncio.sleep(0.2)
    go_on.set()
    assert (await typed[4])[0] == 200
    assert seen == ["0", "4"]


@pytest.mark.parametrize(
    "sent",
    [
        "POST /{}/render HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{",
        "GET /{}/changes HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_a_client_that_disconnects_early_is_no_error(
    address: Address, files: TemplateFiles, caplog: pytest.LogCaptureFixture, sent: str
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", address.port)
    writer.write(sent.format(TOKEN).encode())
    await asyncio.sleep(0.1)
    writer.transport.abort()
    (files.folder / "gitlab/push.j2").write_text("From my own editor", "utf-8")
    await asyncio.sleep(0.5)
    assert (await get(address))[0] == 200
    assert caplog.text == ""


@pytest.mark.parametrize("file", ["../outside.j2", "/tmp/outside.j2", "gitlab/../../outside.j2", ".x.j2"])
async def test_no_name_of_a_file_leads_out_of_the_folder(address: Address, files: TemplateFiles, file: str) -> None:
    data = {"event": "gitlab/push", "file": file, "text": "x", "saved": ""}
    status, answer = await post(address, "save", data)
    assert status == 422, answer
    assert not (files.folder.parent / "outside.j2").exists()


async def test_a_change_on_disk_is_reported_and_in_effect_at_once(address: Address, files: TemplateFiles) -> None:
    async with aiohttp.ClientSession() as session, session.get(address.url + "changes") as stream:
        assert (await stream.content.readline()).startswith(b":")
        (files.folder / "gitlab/push.j2").write_text("From my own editor", "utf-8")
        async with asyncio.timeout(10):
            while await stream.content.readline() != b"data: changed\n":
                pass
    _, seen = await post(address, "render", {"event": "gitlab/push"})
    assert "From my own editor" in str(seen["html"])


async def test_a_body_without_end_is_cut_off(address: Address) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 100_000

    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(address.url + "render", data=endless()) as answer,
    ):
        assert answer.status == 413
