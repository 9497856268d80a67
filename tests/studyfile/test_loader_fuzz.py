"""Reading a mutated study file gives errors, and never anything else.

150 mutations by default; `HPSEARCH_FUZZ_S=600` continues for ten minutes.
"""

import os
import random
import time
from pathlib import Path

import pytest

from hpsearch.errors import InputError
from hpsearch.studyfile.read import read_parsed

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
PIECES = (
    *("~", "~~", "~int(", "~choice(a, b)", "~choice:", "~float(1e999, nan)", "{", "}", "[", "]"),
    *(": ", "- ", "&a ", "*a", "<<: *a", "!!python/object:os.system ", "'", '"', "|\n", ">\n", "#"),
    *("null", "yes", "1e400", "-0", "9" * 200, "\t", "\n", "\r", "\x00", "\ufeff", "\u2028", "é"),
    *("class_path: os.system", "init_args", "study:", "---\n", "...\n", "%YAML 9\n", "? ", "\\"),
)
SECONDS = 2.0


def mutated(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(1, 6)):
        start, end = sorted(draw.randrange(len(text) + 1) for _ in range(2))
        end = min(end, start + draw.choice((0, 1, 8, 80)))
        piece = draw.choice((draw.choice(PIECES), text[end : end + 40], "")) * draw.choice(
            (1, 1, 3)
        )
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.filterwarnings("error")
def test_a_mutated_study_file_is_read_or_refused(tmp_path):
    seconds = float(os.environ.get("HPSEARCH_FUZZ_S", "0"))
    file, end, tries = tmp_path / "fuzz.yaml", time.monotonic() + seconds, 0
    while tries < 150 or time.monotonic() < end:
        draw = random.Random(tries)
        text = mutated(draw.choice(STUDIES).read_text(), draw)
        file.write_bytes(text.encode())
        begun = time.process_time()
        try:
            diagnostics = read_parsed(file).diagnostics
        except InputError as error:
            diagnostics = (error,)
        except Exception as error:
            raise AssertionError(f"mutation {tries} gives {error!r}:\n{text}") from error
        assert time.process_time() - begun < SECONDS, f"mutation {tries} is slow:\n{text}"
        assert all(str(diagnostic) for diagnostic in diagnostics)
        tries += 1


@pytest.mark.parametrize(
    "text",
    [
        "a: [" + "{}," * 40_000 + "1]",
        "model:\n" + "".join(f"  a{n}: ~x\n" for n in range(5000)),
        "".join(f"b{n}: 1\n" for n in range(9000)),
        "a: 1\n" * 20_000,
    ],
    ids=["a long list", "many bad expressions", "many bad sections", "one key again and again"],
)
def test_a_large_file_of_errors_is_reported_soon(tmp_path, text):
    (tmp_path / "large.yaml").write_text(text)
    begun = time.process_time()
    assert read_parsed(tmp_path / "large.yaml").diagnostics
    assert time.process_time() - begun < 3 * SECONDS
