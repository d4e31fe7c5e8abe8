"""Reading template files: the packaged ones, and an operator's over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from jinja2 import BaseLoader, BytecodeCache, Environment, TemplateNotFound
from jinja2.bccache import Bucket

_LARGEST = 256 * 1024
_TOO_LARGE = f"larger than {_LARGEST} bytes"


@dataclass(frozen=True, slots=True)
class Files:
    """What was read: template name -> text, and name -> fault for files that could not be."""

    texts: Mapping[str, str]
    faults: Mapping[str, str]


class Sources(BaseLoader):
    """Templates from texts in memory, each known to Jinja by its name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:  # noqa: ARG002 - Jinja's signature
        """A template's text, its name as the file's, and that it never changes."""
        if template not in self._texts:
            raise TemplateNotFound(template)
        return self._texts[template], template, lambda: True


class Compiled(BytecodeCache):
    """The latest compiled form of each template by its name, so that a reload compiles only what has changed."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what is known of a template, if its text is still the same."""
        checksum, code = self._latest.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._latest[bucket.key] = (bucket.checksum, bucket.code)


def read_sources(packaged: Path, overlay: Path | None) -> Files:
    """Every ``*.j2`` below two folders; a file of the second stands in for the first's of the same name."""
    texts: dict[str, str] = {}
    faults: dict[str, str] = {}
    for folder in (packaged, overlay) if overlay is not None else (packaged,):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder of templates")
        for path in sorted(folder.rglob("*.j2")):
            name = path.relative_to(folder).as_posix()
            if any(part.startswith(".") for part in name.split("/")):  # Kubernetes keeps its mounts' old versions there
                continue
            texts.pop(name, None)
            faults.pop(name, None)
            try:
                texts[name] = _text(path)
            except (OSError, ValueError) as error:
                what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                faults[name] = f"{name}:1: cannot be read: {what}"
    return Files(texts, faults)


def _text(path: Path) -> str:
    if not path.is_file():
        raise ValueError("no file: a pipe or a device would hold up the start")
    if path.stat().st_size > _LARGEST:
        raise ValueError(_TOO_LARGE)
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


def text_fault(text: str) -> str:
    """Why a file with this text could not be read as a template; "" if it could."""
    return _TOO_LARGE if len(text.encode("utf-8", "replace")) > _LARGEST else ""
