"""Template files of the preview: find, read, watch and write them."""

import codecs
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.config.packaged import packaged_templates
from bridge.live.snapshot import Snapshot
from bridge.messages.loader import template_files

_NAME = re.compile(r"(?:[A-Za-z0-9_][^/\\\x00-\x1f\x7f]{0,200}/)*[A-Za-z0-9_][^/\\\x00-\x1f\x7f]{0,200}\.j2\Z")


class UnreadableTemplateError(Exception):
    """Raised when a template on disk cannot be read. The text names the file and the reason."""


class TemplateWriteError(Exception):
    """Raised when a template cannot be saved. The text gives the reason and the hint."""


@dataclass(frozen=True, slots=True)
class TemplateFiles:
    """Sources of templates and routes. ``folder`` is the edited one; the first save creates it."""

    folder: Path
    routes: Path
    snapshot: Callable[[], Snapshot]
    """Load everything from disk. Raises ConfigurationError."""

    def text(self, name: str) -> str | None:
        """Read a template's text, from the edited folder before the packaged one. None if it does not exist.

        Raises UnreadableTemplateError if the file is unreadable: the packaged one does not replace it.
        """
        for folder in (self.folder, packaged_templates()) if _NAME.match(name) else ():
            path = folder / name
            if not os.path.lexists(path):
                continue
            if not path.is_file():  # reading a pipe would block for ever
                raise UnreadableTemplateError(f"{path} is not a file")
            try:
                return path.read_text("utf-8-sig")
            except UnicodeDecodeError:
                raise UnreadableTemplateError(f"{path} is not UTF-8") from None
            except OSError as error:
                raise UnreadableTemplateError(f"{path} cannot be read ({error.strerror or error})") from None
        return None

    def path_of(self, name: str) -> str:
        """Return the path for saving a template."""
        return str(self.folder / name)

    def state(self) -> tuple[tuple[str, int, int], ...]:
        """Return paths, times and sizes of all files, to detect changes.

        Polling finds changes even where file notifications do not work, e.g. in a container.
        """
        found = []
        for path in [self.routes, *_templates(self.folder), *_templates(packaged_templates())]:
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    def write(self, name: str, text: str) -> None:
        """Write a template atomically. Raises TemplateWriteError."""
        if not _NAME.match(name):
            raise TemplateWriteError(f"{name[:100]!r} is not a template name such as gitlab/push.j2")
        path = self.folder / name
        new = path.with_name(f".{path.name}.new")
        hint = "set BRIDGE_TEMPLATES to a writable folder, or change its permissions"
        try:
            if path.is_symlink() or not path.parent.resolve().is_relative_to(self.folder.resolve()):
                raise TemplateWriteError(f"{path} is a link, or in a linked folder: edit the target file itself")
            data = _encode_like(path, text)
            path.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            with new.open("xb") as file:
                file.write(data)
            if path.exists():
                new.chmod(path.stat().st_mode & 0o777)
            new.replace(path)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise TemplateWriteError(f"cannot write {path} ({error.strerror or error}): {hint}") from None
        except (ValueError, RuntimeError) as error:  # text outside UTF-8; a loop of links
            raise TemplateWriteError(f"cannot write {name!r} ({error})") from None


def _templates(folder: Path) -> list[Path]:
    """List the templates in a folder. Folders may vanish meanwhile: list what is readable."""
    found: list[Path] = []
    with suppress(OSError):
        found.extend(path for _, path in template_files(folder))
    return found


def _encode_like(path: Path, text: str) -> bytes:
    """Encode a text with the line ends and byte order mark of its file. A browser preserves neither."""
    old = path.read_bytes() if path.is_file() else b""
    text = text.replace("\r\n", "\n")
    if (lines := old.count(b"\n")) and old.count(b"\r\n") == lines:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8-sig" if old.startswith(codecs.BOM_UTF8) else "utf-8")


def fingerprint(text: str | None) -> str:
    """Return a short hash of a text, "" for None."""
    return "" if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
