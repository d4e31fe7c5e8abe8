"""The files behind the page: where they are, whether they changed, and writing one."""

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

_NAME = re.compile(r"(?:[A-Za-z0-9_][^/\\\x00-\x1f\x7f]{0,200}/)*[A-Za-z0-9_][^/\\\x00-\x1f\x7f]{0,200}\.j2\Z")


class NotTextError(Exception):
    """A template on disk cannot be read. The text says which and why."""


class NotWrittenError(Exception):
    """A template could not be saved. The text says why, and the mend."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where templates and routes come from. ``folder`` is the one that is edited; it need not be there yet."""

    folder: Path
    routes: Path
    snapshot: Callable[[], Snapshot]
    """Reads it all anew. Raises ConfigurationError."""

    def text(self, name: str) -> str | None:
        """A template's text on disk, the edited folder's before the packaged one; None where there is none.

        Raises NotTextError where one is there that cannot be read: the packaged one does not stand in for it.
        """
        for folder in (self.folder, packaged_templates()) if _NAME.match(name) else ():
            path = folder / name
            if not os.path.lexists(path):
                continue
            if not path.is_file():  # reading from a pipe would never end
                raise NotTextError(f"{path} is no file")
            try:
                return path.read_text("utf-8-sig")
            except UnicodeDecodeError:
                raise NotTextError(f"{path} is not UTF-8") from None
            except OSError as error:
                raise NotTextError(f"{path} cannot be read ({error.strerror or error})") from None
        return None

    def shown(self, name: str) -> str:
        """The file that saving a template would write."""
        return str(self.folder / name)

    def state(self) -> tuple[tuple[str, int, int], ...]:
        """What tells one state of the files from another: paths, times and sizes.

        Asking again and again finds changes where notifications of the system do not reach, as in a container.
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
        """Write a template in one piece, or not at all. Raises NotWrittenError."""
        if not _NAME.match(name):
            raise NotWrittenError(f"{name[:100]!r} is no name of a template, such as gitlab/push.j2")
        path = self.folder / name
        new = path.with_name(f".{path.name}.new")
        hint = "set BRIDGE_TEMPLATES to a folder that can be written, or see to its permissions"
        try:
            if path.is_symlink() or not path.parent.resolve().is_relative_to(self.folder.resolve()):
                raise NotWrittenError(f"{path} is a link, or lies behind one: edit the file that it points to")
            data = _as_before(path, text)
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
            raise NotWrittenError(f"cannot write {path} ({error.strerror or error}): {hint}") from None
        except (ValueError, RuntimeError) as error:  # no text of UTF-8; links that lead in a circle
            raise NotWrittenError(f"cannot write {name!r} ({error})") from None


def _templates(folder: Path) -> list[Path]:
    """Every template below a folder, as far as it can be walked: folders may go while they are looked at."""
    found: list[Path] = []
    with suppress(OSError):
        found.extend(folder.rglob("*.j2"))
    return sorted(found)


def _as_before(path: Path, text: str) -> bytes:
    """The text as bytes, with the line ends and the byte order mark that the file has: a browser shows neither."""
    old = path.read_bytes() if path.is_file() else b""
    text = text.replace("\r\n", "\n")
    if (lines := old.count(b"\n")) and old.count(b"\r\n") == lines:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8-sig" if old.startswith(codecs.BOM_UTF8) else "utf-8")


def fingerprint(text: str | None) -> str:
    """What tells one text from another; "" for none."""
    return "" if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
