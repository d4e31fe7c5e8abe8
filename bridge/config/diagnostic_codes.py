"""Codes of diagnostics. Their meanings are here, and their fixes are in docs/diagnostics.md."""

from enum import StrEnum


class Code(StrEnum):
    """The kind of a diagnostic: stable, for scripts to compare and people to search."""

    meaning: str
    """What the code means, in one line."""

    def __new__(cls, code: str, meaning: str) -> "Code":
        """Make a code from its text and its meaning."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    # Settings: environment variables, the secrets folder, .env
    SETTING_INVALID = "setting-invalid", "A variable holds a value that cannot be used."
    SETTING_UNKNOWN = "setting-unknown", "A variable starts with BRIDGE_ but is not a setting; it is ignored."
    SETTING_IGNORED = "setting-ignored", "A variable or a line of .env is ignored."
    SETTING_DUPLICATE = "setting-duplicate", "Two spellings of one variable are set in the same place."
    SETTING_NAME = "setting-name", "The part of a variable after `__` is not a valid name of a source or channel."
    SETTING_UNREADABLE = "setting-unreadable", "A file or folder of settings cannot be read."
    SECRET_INVALID = "secret-invalid", "A secret has a form that its provider never issues."
    SECRET_UNKNOWN_SOURCE = "secret-unknown-source", "A secret belongs to a source that does not exist."
    SOURCE_OFF = "source-off", "A source has no secret, so it is off."
    NO_SOURCE_ON = "no-source-on", "No source has a secret, so no webhook could be verified."
    CHANNEL_URL_INVALID = "channel-url-invalid", "A channel's URL is not a Slack incoming webhook URL."
    CHANNEL_WITHOUT_URL = "channel-without-url", "A route or [alerts] names a channel that has no URL."
    PUBLIC_URL_MISSING = "public-url-missing", "A provider signs the URL it calls, and BRIDGE_PUBLIC_URL is not set."

    # routes.toml
    ROUTES_UNREADABLE = "routes-unreadable", "The file routes.toml cannot be read."
    TOML_SYNTAX = "toml-syntax", "The file routes.toml is not valid TOML."
    ROUTE_UNKNOWN_KEY = "route-unknown-key", "A table of routes.toml has a key that does not exist."
    ROUTE_MISSING_KEY = "route-missing-key", "A table of routes.toml lacks a required key."
    ROUTE_INVALID_VALUE = "route-invalid-value", "A key of routes.toml has a value that cannot be used."
    ROUTE_DUPLICATE_NAME = "route-duplicate-name", "Two routes have the same name."
    ROUTE_UNKNOWN_SOURCE = "route-unknown-source", "A route names a source that does not exist."
    ROUTE_UNKNOWN_TEMPLATE = "route-unknown-template", "A route names a template that does not exist."
    ROUTE_UNMATCHED = "route-unmatched", "No sample event matches a route."
    ROUTE_WITHOUT_STATE = "route-without-state", "A route that shows only changes matches events without a state."
    ROUTE_TOO_LATE = (
        "route-too-late",
        "A route that shows only changes comes after one for the same events and channel.",
    )
    NO_ROUTE_ON = "no-route-on", "No route is enabled, so nothing would ever be posted."
    NAME_COLLISION = "name-collision", "Two sources or two channels would share one environment variable."
    SOURCE_RESERVED = "source-reserved", "A source or a route uses the name `bridge`, which is reserved for alerts."
    SOURCE_UNKNOWN_PROVIDER = "source-unknown-provider", "A source names a provider that does not exist."
    CONDITION_SYNTAX = "condition-syntax", "A route's `when`, `state` or `group_by` is not a valid expression."
    CONDITION_UNKNOWN_NAME = (
        "condition-unknown-name",
        "An expression of a route uses an unknown variable, filter or test.",
    )
    CONDITION_UNKNOWN_FIELD = "condition-unknown-field", "An expression of a route reads a field that no event has."
    CONDITION_FAILED = "condition-failed", "An expression of a route fails for a sample event."

    # Templates
    TEMPLATES_UNREADABLE = "templates-unreadable", "The templates folder cannot be read."
    TEMPLATE_UNREADABLE = "template-unreadable", "A template file cannot be read."
    TEMPLATE_NOT_FOUND = "template-not-found", "A template that was asked for does not exist."
    TEMPLATE_SYNTAX = "template-syntax", "A template is not valid Jinja."
    TEMPLATE_FAILED = "template-failed", "A template fails while it is rendered."
    TEMPLATE_UNDEFINED_FIELD = "template-undefined-field", "A template reads a field that no event has."
    TEMPLATE_UNKNOWN_NAME = "template-unknown-name", "A template uses a variable or macro that does not exist."
    TEMPLATE_UNKNOWN_FILTER = "template-unknown-filter", "A template uses a filter that does not exist."
    TEMPLATE_UNKNOWN_TEST = "template-unknown-test", "A template uses a test (`is …`) that does not exist."
    TEMPLATE_UNKNOWN_BLOCK = "template-unknown-block", "A template fills or reads a block that does not exist."
    TEMPLATE_UNKNOWN_TEMPLATE = "template-unknown-template", "A template uses another template that does not exist."
    TEMPLATE_UNKNOWN_COLOR = "template-unknown-color", "The color block holds a color that does not exist."
    TEMPLATE_UNKNOWN_STYLE = "template-unknown-style", "A button has a style that does not exist."
    TEMPLATE_UNKNOWN_EMOJI = "template-unknown-emoji", "A template names an emoji that Slack does not have by itself."
    TEMPLATE_LOST_VALUE = "template-lost-value", "A variable is read where its value is not visible."
    TEMPLATE_LOST_TEXT = "template-lost-text", "Text stands where it is never shown, or is shown in another place."
    TEMPLATE_STRAY_TAG = "template-stray-tag", "The end of a tag has no beginning, so it would be posted as text."
    TEMPLATE_UNSAFE = "template-unsafe", "Data of the payload is printed without escaping."
    TEMPLATE_MISPLACED_BLOCK = "template-misplaced-block", "A block stands where Jinja ignores what is around it."
    TEMPLATE_EXTENDS = "template-extends", "A template extends nothing it could fill, itself, or extends too late."
    TEMPLATE_UNUSED = "template-unused", "No sample event uses a template."
    TEMPLATE_UNKNOWN_WORD = "template-unknown-word", "A words.toml has a key that the packaged one does not have."
    TEMPLATE_WRONG_PHRASE = "template-wrong-phrase", "A phrase in words.toml cannot be read, or names an unknown part."
    LIMIT_EXCEEDED = "limit-exceeded", "A template makes more text or larger values than it may."
    TIME_LIMIT_EXCEEDED = "time-limit-exceeded", "A template takes too long and is cut off."
    MEMORY_LIMIT_EXCEEDED = "memory-limit-exceeded", "A template needs too much memory and is cut off."
    RENDERING_ENDED = "rendering-ended", "A template ended the process that renders it, each time."
    SLACK_LIMIT_EXCEEDED = "slack-limit-exceeded", "A message breaks a limit of Slack."

    # Recorded payloads
    PAYLOAD_UNMATCHED = "payload-unmatched", "None of the named templates serves the event of a recorded body."
    PAYLOAD_MISSING_FIELD = "payload-missing-field", "A template reads a field that a recorded body does not have."
