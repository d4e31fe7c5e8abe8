"""`bridge init`."""

import os
import shutil
from pathlib import Path

from bridge.cli.errors import out, refuse
from bridge.config.packaged import packaged_routes, packaged_templates
from bridge.messages.loader import template_files


def init(folder: Path) -> None:
    """Copy routes.toml and the templates to a folder. Existing files are kept and listed."""
    copies = [(packaged_routes(), folder / "routes.toml")]
    copies += [(path, folder / "templates" / name) for name, path in template_files(packaged_templates())]
    console = out()
    written = 0
    try:
        for original, copy in copies:
            if os.path.lexists(copy):  # true for a broken link, too: writing would create its target
                console.print(f"kept    {copy} (it exists already)")
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)
            written += 1
    except OSError as error:
        refuse([f"cannot write {error.filename} ({error.strerror}): choose another folder, or change its permissions"])
    console.print(f"wrote   {written} of {len(copies)} files to {folder.resolve()}")
    console.print("next    edit routes.toml, then run `bridge check` in that folder")
