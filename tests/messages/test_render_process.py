import json
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.config.diagnostic_codes import Code
from bridge.core.large_bodies import LARGE
from bridge.events import Event, Request
from bridge.messages import Rendered
from bridge.messages.render import render
from bridge.messages.render_limits import RenderLimits
from bridge.messages.render_protocol import RenderJob
from bridge.messages.renderer import LocalRenderer, ProcessRenderer, RendererClosedError
from bridge.messages.templates import Templates, read_templates, with_text
from bridge.samples import sample_event, samples

pytestmark = pytest.mark.slow  # real processes

PUSH = "gitlab/push.j2"
HANGS = "{{ ([[[1]*9999]*9999]*9999) == ([[[1]*9999]*9999]*9999) }}"
BOMB = "{{ payload.x }}" * 15_000
"""It takes seconds to compile."""
GROWS = """{% set ns = namespace(all=[]) %}
{% for i in range(150) %}{% set ns.all = [ns.all, "x%d" % i * 30000] %}{% endfor %}"""
EVENT = sample_event(samples()["gitlab/push"], "gitlab", 1.0)
SHIPPED = read_templates(None, {})


@pytest.fixture
def renderer() -> Iterator[ProcessRenderer]:
    made = ProcessRenderer(RenderLimits(0.5, 64 * 2**20))
    yield made
    made.close()


def with_push(text: str) -> Templates:
    return with_text(SHIPPED, PUSH, text)


def rendered(renderer: ProcessRenderer, text: str, event: Event = EVENT) -> Rendered:
    return renderer.render(RenderJob(event), with_push(text))


def code_of(made: Rendered) -> Code | None:
    return made.error.code if made.error else None


def status_of(renderer: ProcessRenderer) -> Mapping[str, str]:
    lines = Path(f"/proc/{renderer.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_every_sample_reads_the_same_from_the_process_as_without_it(renderer: ProcessRenderer) -> None:
    local = LocalRenderer()
    for name, sample in samples().items():
        job = RenderJob(sample_event(sample, sample.provider, 1.0), notes=("a note",), reads=True)
        assert renderer.render(job, SHIPPED) == local.render(job, SHIPPED), name


def test_the_payload_is_made_in_the_process_from_the_request(renderer: ProcessRenderer) -> None:
    body = json.dumps({**EVENT.payload, "total_commits_count": 7}).encode()
    request = Request("POST", "https://example.com/gitlab", {"X-Gitlab-Event": "Push Hook"}, body)
    job = RenderJob(replace(EVENT, payload={}), request=request)
    assert renderer.render(job, SHIPPED).line.startswith("Mei-Ling Chen pushed 7 commits")


@pytest.mark.parametrize(
    "text", [HANGS, "{% for i in range(10000) %}{% for i in range(10000) %}{{ i * i }}{% endfor %}{% endfor %}"]
)
def test_a_template_that_never_ends_is_ended_and_the_fallback_is_returned(renderer: ProcessRenderer, text: str) -> None:
    made = rendered(renderer, text)
    assert code_of(made) is Code.TIME_LIMIT_EXCEEDED
    assert made.message is not None
    assert "took too long" in str(made.message.body())
    assert rendered(renderer, "fine").line == "fine"


def test_what_hangs_in_c_is_killed_and_what_hangs_in_python_is_ended_at_its_line(renderer: ProcessRenderer) -> None:
    first = rendered(renderer, HANGS)
    second = rendered(renderer, "\n{{ [[[payload.x]*9999]*9999] == [[[payload.x]*9999]*9999] }}")
    assert first.killed
    assert second.killed
    assert second.error is not None
    assert second.error.place == "templates/gitlab/push.j2:2"


def test_a_template_that_hangs_while_it_is_compiled_is_compiled_once_and_names_itself(
    renderer: ProcessRenderer,
) -> None:
    templates = with_text(with_push('{% include "bomb.j2" %}'), "bomb.j2", BOMB)
    made = renderer.render(RenderJob(EVENT), templates)
    assert (made.killed, code_of(made)) == (True, Code.TIME_LIMIT_EXCEEDED)
    assert made.error is not None
    assert made.error.file == "templates/bomb.j2"
    assert renderer.compile_error(templates, "bomb.j2") == made.error
    began = time.monotonic()
    again = renderer.render(RenderJob(EVENT), templates)
    alive = renderer.pid
    assert again.error == made.error
    assert not again.killed
    assert renderer.render(RenderJob(EVENT), templates).error == made.error
    assert renderer.pid == alive
    assert time.monotonic() - began < 10


def test_a_template_that_needs_too_much_memory_is_ended_and_the_next_has_all_of_it() -> None:
    renderer = ProcessRenderer(RenderLimits(2.0, 8 * 2**20))
    try:
        made = rendered(renderer, GROWS)
        assert code_of(made) is Code.MEMORY_LIMIT_EXCEEDED
        assert made.killed
        assert made.error is not None
        assert made.error.place == "templates/gitlab/push.j2:2"
        assert rendered(renderer, "fine").line == "fine"
    finally:
        renderer.close()


def test_a_large_body_costs_a_template_none_of_its_memory(renderer: ProcessRenderer) -> None:
    commits = [{"id": str(number), "message": "x" * 500} for number in range(20_000)]
    body = json.dumps({**EVENT.payload, "commits": commits}).encode()
    assert len(body) > 8 * LARGE
    request = Request("POST", "https://example.com/gitlab", {"X-Gitlab-Event": "Push Hook"}, body)
    made = renderer.render(RenderJob(replace(EVENT, payload={}), request=request), SHIPPED)
    assert made.error is None
    assert "pushed" in made.line


def test_a_process_that_is_killed_from_outside_costs_no_message(renderer: ProcessRenderer) -> None:
    expected = render(EVENT, SHIPPED, reads=False)
    assert renderer.render(RenderJob(EVENT), SHIPPED) == expected
    for _ in range(3):
        first = renderer.pid
        assert first
        os.kill(first, signal.SIGKILL)
        assert renderer.render(RenderJob(EVENT), SHIPPED) == expected
        assert renderer.pid != first


def test_a_template_whose_process_dies_each_time_gets_the_fallback(renderer: ProcessRenderer) -> None:
    """As when the machine is short of memory, and the system ends the process each time."""
    assert rendered(renderer, "fine").line == "fine"
    stop = threading.Event()

    def kill() -> None:
        while not stop.is_set():
            if pid := renderer.pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        made = rendered(renderer, "fine")
    finally:
        stop.set()
        killer.join()
    assert (made.killed, code_of(made)) == (True, Code.RENDERING_ENDED)
    assert made.message is not None


def test_a_marked_job_gets_the_fallback_and_runs_no_template(renderer: ProcessRenderer) -> None:
    made = renderer.render(RenderJob(EVENT, fault="it took too long"), with_push(HANGS))
    assert renderer.pid is None
    assert not made.killed
    assert made.message is not None
    assert "Template gitlab/push.j2 failed: it took too long" in str(made.message.body())


def test_the_process_holds_no_secret_and_little_else(
    renderer: ProcessRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_SECRETS__GITLAB", "hush")
    with Path("/dev/null").open() as inherited:
        os.set_inheritable(inherited.fileno(), True)
        assert rendered(renderer, "fine").line == "fine"
    process = Path(f"/proc/{renderer.pid}")
    assert b"BRIDGE" not in (process / "environ").read_bytes()
    open_files = [str(one.readlink()) for one in (process / "fd").iterdir()]
    assert sorted(one.partition(":")[0] for one in open_files) == ["pipe", "socket"]
    assert (process / "oom_score_adj").read_text().strip() == "1000"
    assert os.getpriority(os.PRIO_PROCESS, renderer.pid or 0) >= 5
    assert renderer.pid
    limits = {name: resource.prlimit(renderer.pid, name) for name in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)}
    assert set(limits.values()) == {(0, 0)}
    assert resource.prlimit(renderer.pid, resource.RLIMIT_NOFILE)[1] < 32
    assert 0 < resource.prlimit(renderer.pid, resource.RLIMIT_AS)[0] < 2**30
    assert int(status_of(renderer)["Threads"]) == 1


def test_closing_ends_a_rendering_at_once(renderer: ProcessRenderer) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            rendered(renderer, HANGS)
        except RendererClosedError as error:
            raised.append(error)

    assert rendered(renderer, "fine").line == "fine"
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)  # on its way; the test holds as well if it has not begun
    began = time.monotonic()
    renderer.close()
    thread.join()
    assert time.monotonic() - began < 0.4
    assert len(raised) == 1
    assert renderer.pid is None
