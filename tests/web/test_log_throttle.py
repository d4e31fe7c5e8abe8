"""Tests of the log throttle: log lines caused by clients are limited, and omitted ones are counted."""

from structlog.testing import capture_logs

from bridge.core.counters import LOG_LINES_DROPPED, Counters
from bridge.web.log_throttle import LogThrottle


def test_a_window_has_a_limited_number_of_lines_and_the_next_one_reports_the_rest() -> None:
    clock = [0.0]
    counters = Counters()
    throttle = LogThrottle("rejected", counters, lambda: clock[0], most=2, window=60.0)
    with capture_logs() as logs:
        assert [throttle.allows() for _ in range(5)] == [True, True, False, False, False]
        assert logs == []
        clock[0] = 60.0
        assert throttle.allows()
        assert [(line["event"], line["log"], line["lines"]) for line in logs] == [("log lines dropped", "rejected", 3)]
        clock[0] = 120.0
        assert throttle.allows()
        assert len(logs) == 1
    assert counters.by_label(LOG_LINES_DROPPED, "log") == {"rejected": 3}
