"""Why a process ended, from the end of its output."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hpsearch.protocol.resources import read_last_words

FULL = "RuntimeError: unable to allocate shared memory(shm) for file </torch_3>: No space left (28)"
NO_MEMORY = "its process could not allocate memory"


@pytest.mark.parametrize(
    ("said", "killed", "kind"),
    [
        (FULL, False, "resources"),
        (FULL, True, "resources"),
        ("what():  std::bad_alloc", False, "out of memory"),
        ("OSError: [Errno 12] Cannot allocate memory", False, "out of memory"),
        (
            "ImportError: libtorch.so: failed to map segment from shared object",
            False,
            "out of memory",
        ),
        ("what():  std::bad_alloc", True, None),
        ("Segmentation fault", False, None),
        ("", False, None),
    ],
)
def test_the_end_of_the_output_says_which_resource_ran_out(
    said: str, killed: bool, kind: str | None
) -> None:
    ended = read_last_words(f"epoch 1\n{said}\n", killed=killed)
    assert (ended.failure_kind if ended else None) == kind


def test_a_limit_of_the_address_space_is_named() -> None:
    code = (
        "import resource; from hpsearch.protocol.resources import read_last_words;"
        "resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000));"
        "print(read_last_words('std::bad_alloc', killed=False).failure)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == (
        f"{NO_MEMORY}: its address space is limited to 4 GB (ulimit -v, or the batch system's"
        " limit of memory)\n"
    )
