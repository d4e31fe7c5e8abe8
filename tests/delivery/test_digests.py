"""Tests of digests: counts, times and failures, within Slack's limits for any lines."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.delivery.digests import digest_message, repeat_notice
from bridge.messages.limits import limit_violations
from bridge.store import Backlog, RepeatWindow

TYPES = (("gitlab", "pipeline.failed", 812), ("stripe", "charge.failed", 3))


def backlog(**changes: object) -> Backlog:
    given: dict[str, object] = {
        "number": 2431,
        "upto": 9,
        "first": 1_795_392_000.0,
        "last": 1_795_395_600.0,
        "kinds": 14,
        "types": TYPES,
        "subjects": (("Pipeline #1", "https://e.example/1", 40),),
        "failures": 815,
        "failed": (("Pipeline #1 failed", "https://e.example/1"), ("Payment failed", "")),
    }
    return Backlog(**{**given, **changes})  # type: ignore[arg-type]  # each test gives what the field holds


def test_it_names_types_subjects_times_failures_and_the_command_for_the_rest() -> None:
    text = str(digest_message(backlog(), "d018f").body())
    for part in (
        "*2,431 messages* had piled up",
        "• 812 × `gitlab pipeline.failed`",
        "… and 12 other kinds",
        "• 40 × <https://e.example/1|Pipeline #1>",
        "*Failed: 815*",
        "• <https://e.example/1|Pipeline #1 failed>",
        "• Payment failed",
        "… and 813 more",
        "<!date^1795392000^",
        "<!date^1795395600^",
        "`bridge events --digest d018f`",
    ):
        assert part in text
    assert "'color': 'warning'" in text


def test_without_failures_it_does_not_warn() -> None:
    text = str(digest_message(backlog(failures=0, failed=(), subjects=()), "d1").body())
    assert "Failed" not in text
    assert "'color': '#868686'" in text


hostile = st.text(st.sampled_from("ab <!channel>|&*_`@here\n\x00é😀"), max_size=400)


@settings(max_examples=80)
@given(st.lists(st.tuples(hostile, st.just("https://e.example/?a=1&b=<2>"), st.integers(1, 9**9)), max_size=12))
def test_it_keeps_slacks_limits_for_any_lines_and_types(named: list[tuple[str, str, int]]) -> None:
    message = digest_message(
        backlog(
            types=tuple((line[:50], line, count) for line, _, count in named),
            subjects=tuple(named),
            failed=tuple((line, url) for line, url, _ in named),
        ),
        "d1",
    )
    assert limit_violations(message) == []
    assert "<!channel" not in str(message.body())


def test_a_repeat_notice_is_one_line_with_its_link() -> None:
    line = "<https://e.example/1|Pipeline #1> failed"
    message = repeat_notice(RepeatWindow("r", "s", "p", line, seconds=600.0, repeats=3))
    assert message.text == ":repeat: and 3 more like it within 10 minutes: Pipeline #1 failed"
    assert "*3 more* like it within 10 minutes: <https://e.example/1|Pipeline #1> failed" in str(message.blocks)
    assert limit_violations(message) == []
