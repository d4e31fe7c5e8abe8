"""The tables of routes.toml and the values of their keys. Messages of errors continue after the name of the key."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictStr

from bridge.config import units
from bridge.config.errors import InvalidValueError, suggestion
from bridge.config.names import RULE, is_name
from bridge.core.payload import clean
from bridge.routing import patterns
from bridge.routing.conditions import Condition, Expression, compile_condition, compile_expression
from bridge.sources.signatures import REPLAY_WINDOW


def _source_name(text: str) -> str:
    if not is_name(text):
        raise InvalidValueError("is not a valid name of a source", RULE)
    return text


def _channel_name(text: str) -> str:
    if not is_name(text):
        raise InvalidValueError(
            "is not a valid name of a channel", f"{RULE}; the channel's URL goes into BRIDGE_CHANNELS__<NAME>"
        )
    return text


def _pattern(text: str) -> str:
    if problem := patterns.problem(text):
        raise InvalidValueError(f"has a pattern that {problem.message}", problem.hint)
    return text


def _member_id(text: str) -> str:
    if text[:1] not in ("U", "W") or len(text) < 2 or not text.isascii() or not text.isalnum() or text != text.upper():
        hint = 'copy it from the person\'s profile in Slack, it looks like "U012AB3CD"'
        raise InvalidValueError("is not a Slack member id", hint)
    return text


_TEMPLATE = 'name a file below templates/, such as "gitlab/pipeline.j2"'


def _template_name(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text:
        raise InvalidValueError("is outside the templates folder", _TEMPLATE)
    if not text.endswith(".j2") or str(path) != text or clean(text) != text:
        raise InvalidValueError("is not the name of a template", _TEMPLATE)
    return text


def _route_name(text: str) -> str:
    if not text or clean(text, 80) != text.strip():
        raise InvalidValueError("must be one line of 1 to 80 characters", 'write a short name, such as "failed builds"')
    return text.strip()


def _condition(value: object) -> object:
    if not isinstance(value, str):
        raise InvalidValueError("must be text in quotes", "write \"payload.ref == 'refs/heads/main'\", say")
    return compile_condition(value)


def _expression(value: object) -> object:
    if not isinstance(value, str):
        raise InvalidValueError("must be text in quotes", 'write "payload.object_attributes.status", say')
    return compile_expression(value)


NOTIFY = ("always", "on_change")


def _notify(value: object) -> object:
    if value not in NOTIFY:
        known = suggestion(value if isinstance(value, str) else "", NOTIFY, "", '"{}"'.format)
        raise InvalidValueError("is neither always nor on_change", known)
    return value


def _quantity(read: Callable[[str], float]) -> BeforeValidator:
    return BeforeValidator(lambda value: read(value if isinstance(value, str) else ""))


def _dedupe_ttl(text: str) -> float:
    """Read the life of keys: at least as long as a signature is accepted, or a replay would be a new event."""
    seconds = units.duration(text)
    if seconds < 2 * REPLAY_WINDOW:  # a signed time may be that far off either way
        raise InvalidValueError("is shorter than a signature is valid", 'write at least "10m"')
    return seconds


def _digest_after(value: object) -> object:
    if value is False:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 10 <= value <= 10_000_000:
        raise InvalidValueError("is not a number of messages", "write one from 10 to 10000000, or false for no digests")
    return value


def _one_or_more(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    if value == []:
        raise InvalidValueError("is an empty list", "name at least one, or leave the key out")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


class SourceTable(_Table):
    """``[sources.<name>]``: a source's provider and how long its keys are remembered."""

    provider: Annotated[StrictStr, AfterValidator(_source_name)] | None = None
    """The kind of sender; None: the source's own name is the provider's."""
    dedupe_ttl: Annotated[float, _quantity(_dedupe_ttl)] | None = None
    """Seconds for which keys are remembered; None: the provider's own."""


class ChannelPolicy(_Table):
    """``[channels.<name>]``: the settings of a channel, from the file to its worker. The only place of each default."""

    private: StrictBool = False
    """Whether confidential events may go there."""
    pace: Annotated[float, _quantity(units.pace)] = 1.0
    """Posts a second. One is what Slack allows an incoming webhook (Slack docs, Rate limits,
    https://docs.slack.dev/apis/web-api/rate-limits)."""
    pack: StrictBool = True
    """Whether waiting messages are batched when the channel falls behind."""
    digest_after: Annotated[int, BeforeValidator(_digest_after)] = 2_000
    """If more messages wait, one digest stands for them; 0 (written ``false``): never."""


class AlertsTable(_Table):
    """``[alerts]``: the channel for alerts about Bridge itself."""

    channel: Annotated[StrictStr, AfterValidator(_channel_name)]


class Route(_Table):
    """``[[routes]]``: events, the channels they go to, and the template of their messages."""

    name: Annotated[StrictStr, AfterValidator(_route_name)]
    source: Annotated[
        tuple[Annotated[StrictStr, AfterValidator(_source_name)], ...], BeforeValidator(_one_or_more)
    ] = ()
    """Names of sources; none: all of them."""
    events: Annotated[tuple[Annotated[StrictStr, AfterValidator(_pattern)], ...], BeforeValidator(_one_or_more)] = ()
    """Patterns (bridge.routing.patterns); none: every type."""
    when: Annotated[Condition, BeforeValidator(_condition)] | None = None
    channels: Annotated[tuple[Annotated[StrictStr, AfterValidator(_channel_name)], ...], BeforeValidator(_one_or_more)]
    template: Annotated[StrictStr, AfterValidator(_template_name)] | None = None
    """A template's name below templates/; None: the most specific one by the event's type."""
    enabled: StrictBool = True
    stop: StrictBool = False
    """Whether to skip later routes once this one has matched."""
    repeat: Annotated[float, _quantity(units.duration)] | None = None
    """Repeat window in seconds: later equal messages of one subject are only counted; None: all are posted."""
    notify: Annotated[Literal["always", "on_change"], BeforeValidator(_notify)] = "always"
    """``on_change``: only events with another state than the last one shown of their group."""
    state: Annotated[Expression, BeforeValidator(_expression)] | None = None
    """The state of an event, for ``on_change``; None: the provider's state of its run."""
    group_by: Annotated[Expression, BeforeValidator(_expression)] | None = None
    """What events have in common that are compared, for ``on_change``; None: the provider's group of its run."""


class RoutesFile(_Table):
    """The whole file."""

    sources: dict[Annotated[str, AfterValidator(_source_name)], SourceTable] = {}
    channels: dict[Annotated[str, AfterValidator(_channel_name)], ChannelPolicy] = {}
    people: dict[str, Annotated[StrictStr, AfterValidator(_member_id)]] = {}
    alerts: AlertsTable | None = None
    routes: tuple[Route, ...] = ()
