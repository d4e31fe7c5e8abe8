"""Tests of templates on disk: found, watched, and written completely or not at all."""

import os
from pathlib import Path

import pytest

from bridge.config.packaged import packaged_templates
from bridge.preview.files import TemplateFiles, TemplateWriteError, UnreadableTemplateError, fingerprint


def test_a_file_in_the_folder_overrides_the_packaged_one(files: TemplateFiles) -> None:
    assert "pushed" in (files.text("gitlab/push.j2") or "")
    assert files.text("gitlab/pipeline.j2") == (packaged_templates() / "gitlab/pipeline.j2").read_text("utf-8")
    assert files.text("gitlab/nothing.j2") is None


@pytest.mark.parametrize(
    "name", ["../outside.j2", "/etc/passwd", "gitlab/../../outside.j2", ".hidden.j2", "a\x00.j2", "push", "a\\b.j2", ""]
)
def test_no_name_leads_out_of_the_folder(files: TemplateFiles, name: str) -> None:
    (files.folder.parent / "outside.j2").write_text("outside", "utf-8")
    assert files.text(name) is None
    with pytest.raises(TemplateWriteError, match="is not a template name"):
        files.write(name, "x")
    assert (files.folder.parent / "outside.j2").read_text("utf-8") == "outside"


def test_writing_makes_folders_keeps_the_mode_and_leaves_nothing_beside(files: TemplateFiles) -> None:
    files.write("stripe/charge.failed.j2", "new\n")
    assert (files.folder / "stripe/charge.failed.j2").read_text("utf-8") == "new\n"
    own = files.folder / "gitlab/push.j2"
    own.chmod(0o640)
    files.write("gitlab/push.j2", "changed\n")
    assert own.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in own.parent.iterdir()] == ["push.j2"]


def test_nothing_is_written_through_a_link(files: TemplateFiles, tmp_path: Path) -> None:
    target = tmp_path / "target.j2"
    target.write_text("mine", "utf-8")
    (files.folder / "gitlab/linked.j2").symlink_to(target)
    (files.folder / "elsewhere").symlink_to(tmp_path)
    for name in ("gitlab/linked.j2", "elsewhere/target.j2"):
        with pytest.raises(TemplateWriteError, match="link"):
            files.write(name, "x")
    assert target.read_text("utf-8") == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand in for a full disk")
def test_a_folder_that_cannot_be_created_is_reported_with_a_hint(files: TemplateFiles) -> None:
    (files.folder / "stripe").write_text("a file where a folder should be", "utf-8")
    with pytest.raises(TemplateWriteError, match="BRIDGE_TEMPLATES"):
        files.write("stripe/charge.j2", "x")


def test_line_ends_and_a_byte_order_mark_stay_as_they_were(files: TemplateFiles) -> None:
    own = files.folder / "gitlab/push.j2"
    own.write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    assert files.text("gitlab/push.j2") == "a\nb\n"
    files.write("gitlab/push.j2", "a\nc\n")
    assert own.read_bytes() == b"\xef\xbb\xbfa\r\nc\r\n"
    own.write_bytes(b"a\r\nb\n")
    files.write("gitlab/push.j2", "a\nc\n")
    assert own.read_bytes() == b"a\nc\n"


def test_a_file_that_is_not_text_is_reported_and_not_replaced_by_the_packaged_one(files: TemplateFiles) -> None:
    own = files.folder / "gitlab/push.j2"
    own.write_bytes("für".encode("latin-1"))
    with pytest.raises(UnreadableTemplateError, match=r"push\.j2 is not UTF-8"):
        files.text("gitlab/push.j2")
    os.mkfifo(files.folder / "gitlab/pipe.j2")
    with pytest.raises(UnreadableTemplateError, match="is not a file"):
        files.text("gitlab/pipe.j2")


@pytest.mark.parametrize("name", ["a/" * 3000 + "x.j2", "😀" * 100 + ".j2", "a\ud800.j2", "circle/x.j2"])
def test_an_invalid_file_name_is_reported(files: TemplateFiles, name: str) -> None:
    (files.folder / "circle").symlink_to("circle")
    assert files.text(name) is None
    with pytest.raises(TemplateWriteError):
        files.write(name, "x")


def test_a_text_that_cannot_be_encoded_is_reported_and_leaves_no_file(files: TemplateFiles) -> None:
    before = files.text("gitlab/push.j2")
    with pytest.raises(TemplateWriteError):
        files.write("gitlab/push.j2", "a\ud800")
    assert files.text("gitlab/push.j2") == before
    assert [path.name for path in (files.folder / "gitlab").iterdir()] == ["push.j2"]


def test_a_folder_removed_while_it_is_read_is_no_error(files: TemplateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "rglob", gone)
    assert [name for name, *_ in files.state()] == [str(files.routes)]


def test_a_change_on_disk_changes_the_state(files: TemplateFiles) -> None:
    before = files.state()
    assert files.state() == before
    own = files.folder / "gitlab/push.j2"
    os.utime(own, ns=(1, 1))
    assert files.state() != before
    before = files.state()
    files.write("gitlab/new.j2", "x")
    assert files.state() != before


def test_fingerprints_differ_for_different_texts() -> None:
    assert fingerprint("a") == fingerprint("a") != fingerprint("b")
    assert fingerprint(None) == "" != fingerprint("")
