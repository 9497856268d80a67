"""One call into the training wing in its own process, for work that is not a trial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hpsearch.engines import bridge
from hpsearch.engines.child import isolate_process
from hpsearch.engines.interpreter import SAME_HASHES, python_command
from hpsearch.engines.linux import set_parent_death_signal
from hpsearch.errors import SearchError
from hpsearch.protocol.job import Job


def run_in_subprocess(function: str, job: Job, *arguments: Any) -> Any:
    """Calls `function(job, *arguments)` in a fresh process that sees the job's device only.

    Args:
        function: its name, `package.module:function`.
        job: what it is called with first.
        *arguments: plain data.

    Returns:
        What the function returns, plain data as well.

    Raises:
        SearchError: the process ended without a result.
    """
    done = subprocess.run(
        python_command("hpsearch.engines.subprocess_call", os.getpid()),
        input=json.dumps([function, job.to_json(), arguments]),
        stdout=subprocess.PIPE,
        env={**SAME_HASHES, **os.environ},
        text=True,
        check=False,
    )
    if done.returncode:
        output = Path(job.folder) / "output.txt"
        raise SearchError(
            f"the process that ran {function} ended with {done.returncode}; see its output in"
            f" {output}"
        )
    return json.loads(done.stdout)


def main() -> None:
    """Answers one call: reads the request from stdin, writes the result to stdout."""
    set_parent_death_signal(int(sys.argv[1]))
    function, job_line, arguments = json.load(sys.stdin)
    job = Job.from_json(job_line)
    # From now on stdout is the job's file, so that libraries cannot print into the answer.
    answer = os.dup(1)
    isolate_process(job)
    result = bridge.call(function, job, *arguments)
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        json.dump(result, stream)


if __name__ == "__main__":
    main()
