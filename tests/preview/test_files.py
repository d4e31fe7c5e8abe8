"""Templates on disk: found, watched, and written in one piece or not at all."""

import os
from pathlib import Path

import pytest

from bridge.packaged import packaged_templates
from bridge.preview.files import Files, NotWritten, fingerprint


def test_a_file_of_the_folder_goes_before_the_packaged_one(files: Files) -> None:
    assert "pushed" in (files.text("gitlab/push.j2") or "")
    assert files.text("gitlab/pipeline.j2") == (packaged_templates() / "gitlab/pipeline.j2").read_text("utf-8")
    assert files.text("gitlab/nothing.j2") is None


@pytest.mark.parametrize(
    "name", ["../outside.j2", "/etc/passwd", "gitlab/../../outside.j2", ".hidden.j2", "a\x00.j2", "push", "a\\b.j2", ""]
)
def test_no_name_leads_out_of_the_folder(files: Files, name: str) -> None:
    (files.folder.parent / "outside.j2").write_text("outside", "utf-8")
    assert files.text(name) is None
    with pytest.raises(NotWritten, match="is no name of a template"):
        files.write(name, "x")
    assert (files.folder.parent / "outside.j2").read_text("utf-8") == "outside"


def test_writing_makes_folders_keeps_the_mode_and_leaves_nothing_beside(files: Files) -> None:
    files.write("stripe/charge.failed.j2", "new\n")
    assert (files.folder / "stripe/charge.failed.j2").read_text("utf-8") == "new\n"
    own = files.folder / "gitlab/push.j2"
    own.chmod(0o640)
    files.write("gitlab/push.j2", "changed\n")
    assert own.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in own.parent.iterdir()] == ["push.j2"]


def test_nothing_is_written_through_a_link(files: Files, tmp_path: Path) -> None:
    target = tmp_path / "target.j2"
    target.write_text("mine", "utf-8")
    (files.folder / "gitlab/linked.j2").symlink_to(target)
    (files.folder / "elsewhere").symlink_to(tmp_path)
    for name in ("gitlab/linked.j2", "elsewhere/target.j2"):
        with pytest.raises(NotWritten, match="link"):
            files.write(name, "x")
    assert target.read_text("utf-8") == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand in for a full disk")
def test_a_folder_that_cannot_be_made_is_told_with_the_mend(files: Files) -> None:
    (files.folder / "stripe").write_text("a file where a folder should be", "utf-8")
    with pytest.raises(NotWritten, match="BRIDGE_TEMPLATES"):
        files.write("stripe/charge.j2", "x")


def test_a_change_on_disk_changes_the_state(files: Files) -> None:
    before = files.state()
    assert files.state() == before
    own = files.folder / "gitlab/push.j2"
    os.utime(own, ns=(1, 1))
    assert files.state() != before
    before = files.state()
    files.write("gitlab/new.j2", "x")
    assert files.state() != before


def test_fingerprints_tell_texts_apart() -> None:
    assert fingerprint("a") == fingerprint("a") != fingerprint("b")
    assert fingerprint(None) == "" != fingerprint("")
