"""A trial's files, sent part by part and put in place together."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.engines.cluster import trial_files
from hpsearch.engines.cluster.trial_files import Inbound, Outbound, needed_to_continue, result_file


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    (folder / "tensorboard").mkdir(parents=True)
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def send(outbound: Outbound, inbound: Inbound) -> list[str]:
    names = []
    for part in outbound.parts():
        names.append(part["name"])
        inbound.take(part)
    inbound.commit()
    return names


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_only_what_is_new_is_sent(there: Path, here: Path) -> None:
    outbound, inbound = Outbound(there, result_file), Inbound(here)
    (there / "events.jsonl").write_bytes(b"one\n")
    (there / "params.yaml").write_bytes(b"a: 1")
    (there / "tensorboard" / "events.out.tfevents.1").write_bytes(b"")
    send(outbound, inbound)
    assert contents(here) == contents(there)

    with (there / "events.jsonl").open("ab") as file:
        file.write(b"two\n")

    assert send(outbound, inbound) == ["events.jsonl"]
    assert contents(here) == contents(there)
    assert send(outbound, inbound) == []


def test_a_long_file_comes_in_parts(
    there: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_files, "CHUNK_BYTES", 4)
    (there / "last.ckpt").write_bytes(b"0123456789")

    assert send(Outbound(there, result_file), Inbound(here)) == ["last.ckpt"] * 3
    assert contents(here) == {"last.ckpt": b"0123456789"}


def test_the_checkpoint_before_is_kept_here_and_not_sent(there: Path, here: Path) -> None:
    outbound, inbound = Outbound(there, result_file), Inbound(here)
    for epoch in (b"1", b"2"):
        for suffix in ("ckpt", "json"):
            beside = there / "beside"
            beside.write_bytes(epoch)
            beside.replace(there / f"last.{suffix}")
            (there / f"best.{suffix}").unlink(missing_ok=True)
            (there / f"best.{suffix}").hardlink_to(there / f"last.{suffix}")
        (there / "previous.ckpt").write_bytes(b"never sent")
        send(outbound, inbound)

    assert contents(here) == {
        **{f"{name}.ckpt": b"2" for name in ("last", "best")},
        **{f"{name}.json": b"2" for name in ("last", "best")},
        "previous.ckpt": b"1",
        "previous.json": b"1",
    }


def test_one_file_under_two_names_is_sent_once(there: Path, here: Path) -> None:
    (there / "last.ckpt").write_bytes(b"weights")
    (there / "best.ckpt").hardlink_to(there / "last.ckpt")

    parts = list(Outbound(there, result_file).parts())

    assert [sorted(part) for part in parts] == [["begin", "name"], ["name", "same_as"]]


def test_without_a_commit_the_folder_keeps_what_it_has(there: Path, here: Path) -> None:
    outbound, inbound = Outbound(there, result_file), Inbound(here)
    (there / "last.ckpt").write_bytes(b"1")
    send(outbound, inbound)
    (there / "last.ckpt").write_bytes(b"22")
    for part in outbound.parts():
        inbound.take(part)

    inbound.drop()

    assert contents(here) == {"last.ckpt": b"1"}


def test_a_node_that_continues_a_trial_sends_only_what_it_adds(there: Path, here: Path) -> None:
    for name in ("events.jsonl", "last.ckpt", "previous.ckpt", "output.txt", "claim"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(b"before\n")
    send(Outbound(here, needed_to_continue), Inbound(there))
    assert set(contents(there)) == {"events.jsonl", "last.ckpt", "previous.ckpt"}
    back = Outbound(there, result_file)
    back.regard_as_sent()

    for name in ("events.jsonl", "output.txt"):
        with (there / name).open("ab") as file:
            file.write(b"after\n")
    send(back, Inbound(here))

    assert contents(here)["events.jsonl"] == contents(here)["output.txt"] == b"before\nafter\n"


@pytest.mark.parametrize("name", ["../last.ckpt", "/etc/passwd", "", "a/../../b"])
def test_no_file_leaves_the_folder(name: str, here: Path) -> None:
    with pytest.raises(ValueError, match="is not a path inside the trial's folder"):
        Inbound(here).take({"name": name, "begin": ""})
