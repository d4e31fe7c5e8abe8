"""Tests of Twilio's samples: one for each type on the provider's pages, each read as that type."""

import json
from pathlib import Path

import bridge.samples
from bridge.sources.twilio.provider import PROVIDER
from tests.walks import for_each

SAMPLES = sorted((Path(bridge.samples.__file__).parent / "twilio").glob("*.json"))
STATUSES = {
    "message": (
        "received accepted scheduled queued sending sent delivered undelivered failed read partially_delivered canceled"
    ),
    "call": "received queued initiated ringing in-progress completed busy failed no-answer canceled",
    "recording": "in-progress completed absent failed",
    "conference": (
        "conference-start conference-end participant-join participant-leave participant-mute participant-unmute"
        " participant-hold participant-unhold participant-modify participant-speech-start participant-speech-stop"
        " announcement-end announcement-fail"
    ),
    "debugger": "error warning",
}


@for_each(SAMPLES, name=lambda path: path.stem)
def test_a_sample_is_of_the_type_that_its_name_states(path: Path) -> None:
    request = PROVIDER.request_for(path.stem, json.loads(path.read_text("utf-8")), "K1:secret", 0.0)
    PROVIDER.verify(request, ["K1:secret"], 0.0)
    [event] = PROVIDER.events(request, "twilio", 1.0)
    assert event.type == PROVIDER.type_of_sample(path.stem)
    assert "None" not in PROVIDER.line(event)


def test_every_status_has_a_sample() -> None:
    wanted = {f"{family}.{status}" for family, statuses in STATUSES.items() for status in statuses.split()}
    assert wanted <= {path.stem for path in SAMPLES}


def test_no_sample_shows_a_number_of_a_real_person() -> None:
    for path in SAMPLES:
        text = path.read_text("utf-8")
        for start in range(len(text)):
            if text.startswith("+1", start) and text[start + 2 : start + 5].isdigit():
                assert text[start + 5 : start + 10] in ("55501", "555XX"), f"{path.name}: {text[start : start + 12]}"
