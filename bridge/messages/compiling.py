"""Compile templates: only in the process that renders, since a template can make the compiler work for ever."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from jinja2 import Template

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.config.errors import suggestion
from bridge.messages.loader import BrokenTemplateError
from bridge.messages.template_errors import error_of
from bridge.messages.templates import Templates, read_templates


def load_templates(
    overlay: Path | None, people: Mapping[str, str], *, link_buttons: bool = False, packaged: Path | None = None
) -> Templates:
    """Read the templates as ``read_templates`` does, and compile them."""
    return compiled(read_templates(overlay, people, link_buttons=link_buttons, packaged=packaged))


def compile_error(templates: Templates, name: str) -> Diagnostic | None:
    """Compile a template and keep it; return the error if that fails."""
    try:
        templates.environment.get_template(name)
    except Exception as failure:  # noqa: BLE001 - one broken file must not stop the others
        return error_of(failure, name, templates)
    return None


def compiled(
    templates: Templates,
    names: Collection[str] | None = None,
    compile_error: Callable[[Templates, str], Diagnostic | None] = compile_error,
) -> Templates:
    """Compile the templates with these names, or all, and return them with the errors of those that cannot be."""
    errors = dict(templates.errors)
    for name in templates.sources if names is None else names:
        if name in templates.sources and name not in errors and (error := compile_error(templates, name)):
            errors[name] = error
    return replace(templates, errors=MappingProxyType(errors))


def template_of(templates: Templates, name: str) -> Template:
    if name in templates.errors:
        raise BrokenTemplateError(templates.errors[name])
    if name not in templates.sources:
        hint = suggestion(name, templates.names(), "create it, or name another one")
        raise BrokenTemplateError(
            templates.diagnostic(name, None, Code.TEMPLATE_NOT_FOUND, "there is no such template", hint)
        )
    return templates.environment.get_template(name)
