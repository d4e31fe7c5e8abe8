"""What others make us log is bounded, and what is left out is said."""

from structlog.testing import capture_logs

from bridge.web.log_throttle import Lines


def test_a_window_holds_so_many_lines_and_the_next_says_what_was_left_out() -> None:
    clock = [0.0]
    lines = Lines("turned away", lambda: clock[0], most=2, window=60.0)
    with capture_logs() as written:
        assert [lines.allows() for _ in range(5)] == [True, True, False, False, False]
        assert written == []
        clock[0] = 60.0
        assert lines.allows()
        assert [(line["event"], line["unlogged"]) for line in written] == [("more was turned away than was logged", 3)]
        clock[0] = 120.0
        assert lines.allows()
        assert len(written) == 1
