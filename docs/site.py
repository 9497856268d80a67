"""What the site does differently from the pages in the repository: links that leave docs/.

A link to `../README.md#a-section` or `../examples/search.ipynb` leads to a file that the site does
not have: its words stay, without a link.
"""

from __future__ import annotations

import re
from typing import Any

_LEAVING = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Returns a page's text without links to files outside the site."""
    return _LEAVING.sub(r"\1", markdown)
