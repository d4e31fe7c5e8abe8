"""Addresses of pages in Twilio's Console."""

from collections.abc import Mapping

from bridge.sources.twilio.facts import text

_PAGES = {
    "SM": "sms/logs",
    "MM": "sms/logs",
    "CA": "voice/calls/logs",
    "CF": "voice/conferences/logs",
    "RE": "voice/recordings/recording-logs",
    "NO": "debugger",
    "FW": "studio/flows",
    "VA": "verify/services",
    "WS": "taskrouter/workspaces",
}


def console_url(sid: str) -> str:
    """Return the Console page of a message, call, conference, recording, alert, flow or service, or ""."""
    page = _PAGES.get(sid[:2])
    if page is None or not (sid.isascii() and sid.isalnum() and len(sid) <= 64):
        return ""
    return f"https://www.twilio.com/console/{page}/{sid}"


def nearest_console_url(fields: Mapping[str, object]) -> str:
    """Return the nearest Console page for an object without its own, from the other ids in the fields, or ""."""
    flow = console_url(text(fields, "flow_sid") or text(fields, "FlowSid"))
    if flow:
        execution = text(fields, "execution_sid") or text(fields, "ExecutionSid")
        known = execution.startswith("FN") and execution.isascii() and execution.isalnum()
        return f"{flow}/executions/{execution[:64]}" if known else flow
    for name in ("CallSid", "service_sid", "workspace_sid", "WorkspaceSid"):
        if fields.get(name) and (page := console_url(text(fields, name))):
            return page
    return ""
