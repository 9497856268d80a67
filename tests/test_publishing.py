"""What is made of the project elsewhere: the site of its docs, and its image for containers."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_every_page_has_one_place_in_the_site() -> None:
    config = (ROOT / "mkdocs.yml").read_text()
    listed = re.findall(r"^ +- .+: (\S+\.md)$", config.partition("\nnav:\n")[2], re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md"))


def test_the_site_has_no_links_out_of_the_docs_and_its_own_script_for_diagrams() -> None:
    spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "site.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    text = "see [a notebook](../examples/search.ipynb) and [the report](report.md#what)"
    assert hooks.on_page_markdown(text) == "see a notebook and [the report](report.md#what)"
    # Only a page with a diagram loads the script that draws it, and from the site itself.
    drawn = hooks.on_page_markdown("```mermaid\na --> b\n```")
    assert drawn.endswith('<script src="mermaid.min.js"></script>\n')
    assert "//" not in drawn


def test_the_image_gets_all_that_a_package_is_built_of() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    # The package has links to the last two.
    wanted = {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "hpsearch", "studies", "examples"}
    assert copied == wanted
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == wanted
