"""`copy`: a study moved to another database."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import say_what_is_left
from hpsearch.commands.options import StudyName, url_converter
from hpsearch.errors import InputError

TO = "HPSEARCH_COPY_TO"


def copy(
    name: StudyName,
    /,
    *,
    source: Annotated[
        str | None,
        Parameter(
            name="--from",
            converter=url_converter("--from", "HPSEARCH_STORAGE"),
            n_tokens=1,
            metavar="URL",
            help="Where it is. [default: $HPSEARCH_STORAGE or sqlite:///hpsearch.db]",
        ),
    ] = None,
    target: Annotated[
        str | None,
        Parameter(
            name="--to",
            converter=url_converter("--to", TO),
            n_tokens=1,
            metavar="URL",
            help=f"The database to copy to. [default: ${TO}]",
        ),
    ] = None,
) -> None:
    """Copy a study and its confirmation to another database, where it continues."""
    from hpsearch.search.copy import copy_study
    from hpsearch.search.store import default_url, load_record, open_storage, redact
    from hpsearch.views.formatting import counted

    there = target or os.environ.get(TO)
    if not there:
        raise InputError(f"--to is missing: the URL of a database, here or in ${TO}")
    here = source or default_url()
    copied = copy_study(name, open_storage(here, create=False), open_storage(there))
    for each, count in copied.trials.items():
        print(f"{each}: {counted(count, 'trial')} copied to {redact(there)}")
    print(f"Its files stay in {copied.runs}; in {redact(here)} it can still be read, but not run.")
    say_what_is_left(load_record(open_storage(there), name), redact(there))
