"""Pods of a Kubernetes cluster: an agent in each, started by `kubectl exec -i`."""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.engines.cluster.carriers.command import agent_arguments
from hpsearch.engines.cluster.connection import CommandConnection, Connection
from hpsearch.engines.cluster.words import device_errors, read_pairs, split_words
from hpsearch.errors import InputError

OWN_KEYS = ("namespace", "container", "context", "devices", "per_device", "python")
LOOK_S = 15.0
KUBECTL_S = 30.0
EXAMPLE = 'write for instance --kubernetes "app=trainer namespace=lab"'
NO_PYTHON = ("No module named", "executable file not found", "no such file or directory")
ADVICE = {
    "connection to the server": "; see whether this works: kubectl get pods",
    "does not exist": "; `kubectl config get-contexts` lists the contexts",
    "orbidden": "; you need the right to get pods and to create pods/exec",
}


@dataclass(frozen=True)
class PodChoice:
    """Which pods take part, and how an agent is started in one.

    Attributes:
        selector: labels, as `kubectl get pods --selector` takes them.
        namespace: theirs; that of the current context if not given.
        container: in each pod; its first if not given.
        context: of kubectl's configuration; the current one if not given.
        devices: as `--devices`, in each pod.
        per_device: trials at once on each device.
        python: how Python is started there.
    """

    selector: str
    namespace: str = ""
    container: str = ""
    context: str = ""
    devices: str = "auto"
    per_device: int = 1
    python: str = "python"

    @classmethod
    def parse(cls, text: str) -> PodChoice:
        """Returns what `SELECTOR key=value ...` says; the first word is the selector.

        Raises:
            InputError: there is no selector, or a word is not one of the keys and a value.
        """
        selector, *words = split_words(f"--kubernetes {text}", text, EXAMPLE) or [""]
        pairs, errors = read_pairs(words, OWN_KEYS)
        errors += [
            f"{key} has no value" for key, value in pairs.items() if key in OWN_KEYS and not value
        ]
        per_device = pairs.pop("per_device", "1")
        if not per_device.isdecimal() or per_device == "0":
            errors.append(f"per_device={per_device}: not a whole number from 1 on")
        errors += device_errors(pairs.get("devices", "auto"))
        if not selector or selector.startswith("-"):
            errors.append(f"{selector!r} is not a label selector")
        if errors:
            raise InputError(f"--kubernetes {text}: {'; '.join(errors)}; {EXAMPLE}")
        return cls(selector, per_device=int(per_device), **pairs)

    @property
    def kubectl(self) -> tuple[str, ...]:
        """The beginning of every command."""
        options = {"context": self.context, "namespace": self.namespace}
        return ("kubectl", *(f"--{key}={value}" for key, value in options.items() if value))


class KubernetesCarrier:
    """Reaches the running pods that match a selector, including those that start later.

    The pods must run already and hold an image with hpsearch, such as those of a StatefulSet or
    Deployment whose containers sleep.

    Args:
        choice: which pods.
    """

    patience_s: float | None = 120.0

    def __init__(self, choice: PodChoice) -> None:
        self._choice = choice
        look = (*choice.kubectl, "get", "pods", f"--selector={choice.selector}")
        self.where_to_look = f"`{shlex.join(look)}` lists the pods"
        self._pods = self._look()
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._keep_looking, daemon=True)
        self._watch.start()

    def nodes(self) -> Sequence[str]:
        """Returns the names of the pods that were running at the last look."""
        return self._pods

    def connect(self, name: str) -> Connection:
        """Starts an agent in a pod."""
        choice = self._choice
        container = (f"--container={choice.container}",) if choice.container else ()
        agent = (choice.python, *agent_arguments(choice.devices, choice.per_device))
        return CommandConnection(
            (*choice.kubectl, "exec", "--stdin", *container, f"pod/{name}", "--", *agent)
        )

    def advice(self, words: str) -> str:
        """Returns what to do about an error of kubectl or the container."""
        if any(part in words for part in NO_PYTHON):
            return "the pod's image must have hpsearch; name its Python with python=PATH"
        return ""

    def close(self) -> None:
        """Stops looking for pods."""
        self._closed.set()

    def _keep_looking(self) -> None:
        while not self._closed.wait(LOOK_S):
            try:
                self._pods = self._look()
            except InputError:
                # The API server is down: known pods stay, and may still answer.
                continue

    def _look(self) -> list[str]:
        """Returns the running pods.

        Raises:
            InputError: kubectl is missing or cannot list them.
        """
        command = (*self._choice.kubectl, "get", "pods", "--output=json")
        selector = f"--selector={self._choice.selector}"
        try:
            done = subprocess.run(
                (*command, selector),
                capture_output=True,
                text=True,
                timeout=KUBECTL_S,
                check=True,
            )
            return [str(pod["metadata"]["name"]) for pod in _items(done.stdout) if _runs(pod)]
        except FileNotFoundError:
            raise InputError(
                "--kubernetes needs the program kubectl, which is not installed here"
            ) from None
        except subprocess.CalledProcessError as error:
            reason = (error.stderr.strip() or "it gave no reason").splitlines()[-1]
            advice = next((advice for part, advice in ADVICE.items() if part in reason), "")
            raise InputError(f"kubectl cannot list pods: {reason}{advice}") from None
        except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
            raise InputError(f"kubectl cannot list pods: {error}") from error


def _items(text: str) -> list[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = json.loads(text)["items"]
    return items


def _runs(pod: Mapping[str, Any]) -> bool:
    """Returns whether a pod runs and is not about to end."""
    ending = "deletionTimestamp" in pod["metadata"]
    return pod["status"].get("phase") == "Running" and not ending
