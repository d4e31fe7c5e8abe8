"""Golden messages: every sample's message as JSON in tests/golden, so that a review shows each change.

``make golden`` writes them again.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from bridge.messages.render import render
from bridge.messages.templates import Templates, read_templates
from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples

FOLDER = Path(__file__).parents[1] / "golden"


def golden_file(sample: Sample) -> Path:
    """Return the path of a sample's golden message, named after the sample's file."""
    return FOLDER / sample.provider / sample.path.name


def golden_text(sample: Sample, templates: Templates) -> str:
    """Return the golden record of a sample: its template, and the posted body or the reason for a skip."""
    rendered = render(sample_event(sample, sample.provider, SAMPLE_TIME), templates)
    assert not rendered.error, rendered.error
    record: dict[str, object] = {"template": rendered.template}
    record |= {"message": rendered.message.body()} if rendered.message else {"skip": rendered.skip}
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def left_over() -> Iterator[Path]:
    """Return golden messages without a sample."""
    known = {golden_file(sample) for sample in samples().values()}
    return (path for path in sorted(FOLDER.glob("*/*.json")) if path not in known)


def main() -> None:
    """Write every golden message again, and print the counts."""
    templates = read_templates(None, {})
    changed = 0
    for sample in samples().values():
        path, text = golden_file(sample), golden_text(sample, templates)
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            changed += 1
    gone = list(left_over())
    for path in gone:
        path.unlink()
    print(f"{len(samples())} messages: {changed} written, {len(gone)} removed. `git diff tests/golden` shows them.")  # noqa: T201 - a command of its own


if __name__ == "__main__":
    main()
