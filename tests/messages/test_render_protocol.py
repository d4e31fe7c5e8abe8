from contextlib import nullcontext

from hypothesis import given
from hypothesis import strategies as st

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Severity, error
from bridge.events import Event, Request
from bridge.messages.message import Message, Rendered
from bridge.messages.missing_fields import MissingField
from bridge.messages.render_protocol import (
    PREFIX,
    RENDER,
    TEXTS,
    Answer,
    ProtocolError,
    RenderHead,
    RenderJob,
    TextsHead,
    answer_frame,
    read_answer,
    read_job,
    render_frame,
    texts_frame,
)
from bridge.messages.templates import read_templates

TEXT = st.text(max_size=20)
FACTS = st.builds(
    Event,
    id=TEXT,
    source=TEXT,
    provider=TEXT,
    type=TEXT,
    keys=st.lists(TEXT, max_size=3).map(tuple),
    payload=st.just({}),
    subject=TEXT,
    name=TEXT,
    url=TEXT,
    actor=TEXT,
    occurred_at=st.none() | st.floats(0, 2**40),
    received_at=st.floats(0, 2**40),
    confidential=st.booleans(),
    test=st.booleans(),
)


@given(FACTS, st.binary(max_size=50), st.none() | TEXT, st.lists(TEXT, max_size=2))
def test_a_job_arrives_as_it_was_sent(facts: Event, body: bytes, template: str | None, notes: list[str]) -> None:
    request = Request("POST", "https://example.com/x", {"x-topic": "a/b"}, body)
    job = RenderJob(facts, template, tuple(notes), request=request, part=3)
    head, sent = render_frame(7, job)
    kind, size, body_size = PREFIX.unpack(head[: PREFIX.size])
    assert (kind, size, body_size, sent) == (RENDER, len(head) - PREFIX.size, len(body), body)
    read = read_job(kind, head[PREFIX.size :])
    assert isinstance(read, RenderHead)
    assert (read.event, read.template, read.notes, read.part, read.version) == (facts, template, tuple(notes), 3, 7)
    assert (read.method, read.url, read.headers) == ("POST", "https://example.com/x", {"x-topic": "a/b"})


def test_templates_arrive_as_they_were_sent() -> None:
    shipped = read_templates(None, {"ada": "U123"}, link_buttons=True)
    broken = error(Code.TEMPLATE_SYNTAX, "no", "mend", file="templates/gitlab/push.j2", line=3)
    head = texts_frame(2, (1,), shipped, {"gitlab/push.j2": broken})
    read = read_job(TEXTS, head[PREFIX.size :])
    assert isinstance(read, TextsHead)
    made = read.templates(nullcontext)
    assert made.sources == shipped.sources
    assert made.words == shipped.words
    assert made.packaged == shipped.packaged
    assert made.errors == {"gitlab/push.j2": broken}
    assert made.environment.people == {"ada": "U123"}
    assert made.link_buttons


def test_an_answer_arrives_as_it_was_sent() -> None:
    place = ("one.j2", 3, "payload.x")
    failure = error(Code.TIME_LIMIT_EXCEEDED, "too long", "mend", file="templates/one.j2", line=3)
    rendered = Rendered(
        "one.j2",
        Message("text", [{"type": "divider"}], [{"color": "#fff"}]),
        error=failure,
        missing=(place,),
        found=(place,),
        compact=({"type": "divider"},),
        undefined=(MissingField(place, "x", "object", ("y",)),),
    )
    answer = Answer(rendered, failure, "time", logged=("a line",))
    read = read_answer(answer_frame(answer)[PREFIX.size :])
    assert read == answer
    assert read.error is not None
    assert read.error.severity is Severity.ERROR


def test_an_answer_with_too_many_paths_loses_them_and_keeps_the_message() -> None:
    places = tuple(("one.j2", number, "x" * 1000) for number in range(5000))
    answer = Answer(Rendered("one.j2", Message("text", [], []), missing=places))
    assert read_answer(answer_frame(answer)[PREFIX.size :]) == Answer(Rendered("one.j2", Message("text", [], [])))


@given(st.binary(max_size=200) | TEXT.map(str.encode))
def test_bytes_of_another_shape_are_refused_and_raise_nothing_else(data: bytes) -> None:
    try:
        read_answer(data)
    except ProtocolError:
        pass
    else:
        assert data.strip().startswith(b"{")
