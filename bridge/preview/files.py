"""The files behind the page: where they are, whether they changed, and writing one."""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.packaged import packaged_templates
from bridge.running import Running

_NAME = re.compile(r"(?:[A-Za-z0-9_][^/\\\x00-\x1f\x7f]{0,200}/)*[A-Za-z0-9_][^/\\\x00-\x1f\x7f]{0,200}\.j2\Z")


class NotWritten(Exception):
    """A template could not be saved. The text says why, and the mend."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where templates and routes come from. ``folder`` is the one that is edited; it need not be there yet."""

    folder: Path
    routes: Path
    running: Callable[[], Running]
    """Reads it all anew. Raises ConfigurationError."""

    def text(self, name: str) -> str | None:
        """A template's text on disk, the edited folder's before the packaged one; None where there is none."""
        for folder in (self.folder, packaged_templates()) if _NAME.match(name) else ():
            try:
                return (folder / name).read_text("utf-8-sig")
            except (OSError, ValueError):
                continue
        return None

    def shown(self, name: str) -> str:
        """The file that saving a template would write."""
        return str(self.folder / name)

    def state(self) -> tuple[tuple[str, int, int], ...]:
        """What tells one state of the files from another: paths, times and sizes.

        Asking again and again finds changes where notifications of the system do not reach, as in a container.
        """
        found = []
        for path in [self.routes, *sorted({*self.folder.rglob("*.j2"), *packaged_templates().rglob("*.j2")})]:
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    def write(self, name: str, text: str) -> None:
        """Write a template in one piece, or not at all. Raises NotWritten."""
        if not _NAME.match(name):
            raise NotWritten(f"{name[:100]!r} is no name of a template, such as gitlab/push.j2")
        path = self.folder / name
        root = self.folder.resolve()
        if path.is_symlink() or not path.parent.resolve().is_relative_to(root):
            raise NotWritten(f"{path} is a link, or lies behind one: edit the file that it points to")
        new = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            with new.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            if path.exists():
                new.chmod(path.stat().st_mode & 0o777)
            new.replace(path)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            mend = "set BRIDGE_TEMPLATES to a folder that can be written, or see to its permissions"
            raise NotWritten(f"cannot write {path} ({error.strerror or error}): {mend}") from None


def fingerprint(text: str | None) -> str:
    """What tells one text from another; "" for none."""
    return "" if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
