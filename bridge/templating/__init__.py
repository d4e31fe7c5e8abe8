"""The sandboxed Jinja of conditions and templates."""
