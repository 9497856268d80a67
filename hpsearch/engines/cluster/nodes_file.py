"""Which nodes a search may use: a list of hosts, or a `cluster.yaml` that a lab keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hpsearch.engines.cluster.words import (
    device_errors,
    home_errors,
    quoting_errors,
    repeated_errors,
)
from hpsearch.errors import InputError

KEYS = ("host", "name", "devices", "per_device", "python", "setup", "command")
EXAMPLE = "`nodes:` and under it `- host: gpu1`, one entry per node"
# A name that ssh could take for an option, or a shell for several words, is not a host.
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:%-]*")
LOCAL = ("local", "localhost")


@dataclass(frozen=True)
class NodeEntry:
    """One node of a list.

    Attributes:
        host: as ssh knows it; `local` for this machine, without ssh.
        name: what people see; the host if not given.
        devices: as `--devices`, on that node.
        per_device: trials at once on each device.
        python: how Python is started there; the path of the Python that runs here if not given.
        setup: shell commands before that: `module load cuda`, `source venv/bin/activate`.
        command: reaches the agent without ssh; the whole command line.
    """

    host: str
    name: str = ""
    devices: str = "auto"
    per_device: int = 1
    python: str = ""
    setup: str = ""
    command: str = ""

    @property
    def label(self) -> str:
        """The name that people see."""
        return self.name or self.host


def read_nodes(text: str, option: str = "--nodes") -> tuple[NodeEntry, ...]:
    """Returns the nodes that an option names: those of a file, or hosts between commas.

    Raises:
        InputError: it is neither, or the file has errors; all of them are named.
    """
    path = Path(text)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return _read_file(path, option)
    hosts = [host.strip() for host in text.split(",")]
    errors = [
        f"{host!r} is not a host name" for host in hosts if not HOST.fullmatch(host)
    ] or _duplicates(hosts)
    if errors:
        raise InputError(
            f"{option} {text}: {'; '.join(errors)}. Write hosts between commas, as in gpu1,gpu2, or"
            " the path of a file such as cluster.yaml"
        )
    return tuple(map(NodeEntry, hosts))


def _read_file(path: Path, option: str) -> tuple[NodeEntry, ...]:
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except FileNotFoundError as error:
        other = path.with_suffix(".yaml" if path.suffix == ".yml" else ".yml")
        advice = f"{other} is there" if other.is_file() else f"write one: {EXAMPLE}"
        raise InputError(
            f"{option} {path}: there is no file {path.absolute()}; {advice}"
        ) from error
    except OSError as error:
        raise InputError(f"{option} {path}: the file cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{option} {path}: not YAML: {reason}") from error
    entries = content.get("nodes") if isinstance(content, Mapping) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: there is no list of nodes; write {EXAMPLE}")
    nodes, errors = [], []
    for place, entry in enumerate(entries, 1):
        entry = {"host": entry} if isinstance(entry, str) else entry
        wrong = _errors_of(entry)
        errors += [f"node {place}: {error}" for error in wrong]
        if not wrong:
            nodes.append(NodeEntry(**entry))
    errors += _duplicates([node.label for node in nodes]) + _repeated_keys(yaml.compose(text))
    unknown = sorted(set(content) - {"nodes"}, key=str)
    errors += [f"there is no key {key!r} beside nodes" for key in unknown]
    if errors:
        raise InputError("\n".join(f"{path}: {error}" for error in errors))
    return tuple(nodes)


def _errors_of(entry: Any) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"{entry!r} is not a node; write {EXAMPLE}"]
    errors = [
        f"there is no key {key!r}; a node has {', '.join(KEYS)}" for key in entry if key not in KEYS
    ]
    host = entry.get("host")
    if not isinstance(host, str) or not HOST.fullmatch(host):
        errors.append(
            f"host: {host!r} is not a host name" if "host" in entry else "host is missing"
        )
    per_device = entry.get("per_device", 1)
    if not isinstance(per_device, int) or isinstance(per_device, bool) or per_device < 1:
        errors.append(f"per_device: {per_device!r} is not a whole number from 1 on")
    texts = [key for key in KEYS if key not in ("host", "per_device")]
    errors += [
        f"{key}: {entry[key]!r} is not text; put it in quotes"
        for key in texts
        if key in entry and not isinstance(entry[key], str)
    ]
    return errors or _text_errors(entry)


def _text_errors(entry: Mapping[str, str]) -> list[str]:
    """Returns what is wrong with the texts of an entry."""
    errors = device_errors(entry.get("devices", "auto"))
    if entry["host"] in LOCAL:
        errors += home_errors(entry.get("python", ""))
    if "command" in entry:
        command = entry["command"]
        errors += [f"command: {command}: {error}" for error in quoting_errors(command)]
        errors += [] if command.strip() else ["command: it is empty; leave it out for ssh"]
    name = entry.get("name", entry["host"])
    if "/" in name or not name.strip() or not name.isprintable():
        errors.append(f"name: {name!r} is not a name; write one without /, such as gpu1")
    return errors


def _repeated_keys(node: yaml.Node | None) -> list[str]:
    """Returns an error for each key that a mapping has twice; YAML's reader keeps the last."""
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    errors = []
    if isinstance(node, yaml.MappingNode):
        errors = repeated_errors([str(key.value) for key, _ in node.value])
        errors = [f"line {node.start_mark.line + 1}: {error}" for error in errors]
        children = [value for _, value in node.value]
    return [*errors, *(error for child in children for error in _repeated_keys(child))]


def _duplicates(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"{name} is there twice; give one of them another name" for name in twice]
