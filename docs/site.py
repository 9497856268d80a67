"""What the site does differently from the pages in the repository: links, and its diagrams.

A link to `../README.md#a-section` or `../examples/search.ipynb` leads to a file that the site does
not have: its words stay, without a link. Diagrams are drawn by a script that `make site` puts
beside the pages, so that they ask for nothing elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MERMAID = Path(__file__).parents[1] / ".venv" / "mermaid.min.js"
_LEAVING = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
_DIAGRAM = "```mermaid\n"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Returns a page's text without links that leave the site, and with what its diagrams need."""
    text = _LEAVING.sub(r"\1", markdown)
    return f'{text}\n\n<script src="{MERMAID.name}"></script>\n' if _DIAGRAM in text else text


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Adds the script that draws the diagrams to the files of the site."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, MERMAID.name, abs_src_path=str(MERMAID)))
    return files
