"""What is measured is kept line by line, and shown as a table, in the terminal or on a page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from table import replace

Line = dict[str, Any]


def parser(description: str | None, out: Path, seeds: int) -> argparse.ArgumentParser:
    """Returns a parser of the options that benchmarks on tables share.

    Args:
        description: of the benchmark.
        out: where the results are kept by default.
        seeds: how many there are by default.
    """
    found = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--tables", type=Path, help="folder that holds the tables")
    found.add_argument("--table", action="store_true", help="only print tables of stored results")
    found.add_argument("--page", type=Path, help="a page to write the tables to")
    found.add_argument("--only", nargs="*", help="only these policies")
    found.add_argument("--seeds", type=int, default=seeds)
    found.add_argument("--workers", type=int, default=2)
    found.add_argument("--out", type=Path, default=out)
    return found


def parse(options: argparse.ArgumentParser) -> argparse.Namespace:
    """Returns the options of the command line; ends the program if there is nothing to do."""
    args = options.parse_args()
    if not args.tables and not args.table:
        options.error("name the folder of the tables with --tables, or print with --table")
    return args


def read(path: Path) -> list[Line]:
    """Returns the stored lines."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def measure_and_show(
    args: argparse.Namespace,
    measure: Callable[[argparse.Namespace], Iterable[Line]],
    last: Callable[[Line], object],
    table: Callable[[list[Line]], str],
    name: str,
) -> None:
    """Measures what is missing, and shows everything that is stored.

    Args:
        args: the options, see `parser`.
        measure: yields a line for each search that is not measured yet.
        last: what of a line is printed when it is measured.
        table: makes the text to show of all lines.
        name: of the place on a page.

    Raises:
        SystemExit: the page has no place of that name; nothing is measured.
    """
    if args.page:
        put(args.page, name, None)
    if args.tables:
        for line in measure(args):
            print(line["task"], line["who"], line["seed"], last(line), flush=True)
            with args.out.open("a") as kept:
                kept.write(json.dumps(line) + "\n")
    text = table(read(args.out))
    print(f"\n{text}")
    if args.page:
        put(args.page, name, text)


def put(page: Path, name: str, text: str | None) -> None:
    """Writes a text to its place on a page; None only checks that the page has the place.

    Raises:
        SystemExit: it does not.
    """
    try:
        written = replace(page.read_text(), name, text or "")
    except ValueError as error:
        raise SystemExit(f"{page}: {error}") from None
    if text is not None:
        page.write_text(written)
