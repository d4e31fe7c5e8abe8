"""Addresses of pages in Twilio's Console."""

from bridge.core.payload import text_at

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


def nearest_console_url(fields: object) -> str:
    """Return the nearest Console page for an object without its own, from the other ids in the fields, or ""."""
    flow = console_url(text_at(fields, "flow_sid") or text_at(fields, "FlowSid"))
    execution = text_at(fields, "execution_sid") or text_at(fields, "ExecutionSid")
    if flow and execution.startswith("FN") and execution.isascii() and execution.isalnum():
        return f"{flow}/executions/{execution[:64]}"
    candidates = (text_at(fields, name) for name in ("CallSid", "service_sid", "workspace_sid", "WorkspaceSid"))
    return flow or next((page for page in map(console_url, candidates) if page), "")
