"""Hyperparameter search for PyTorch Lightning.

From Python: `hpsearch.load_study("studies/quickstart.yaml").run()`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.study import Study

__all__ = ["load_study"]


def load_study(
    path: str | Path, *changes: str, storage: str | None = None, trust: bool = False
) -> Study:
    """Returns the study of a study file, checked and ready to run.

    Args:
        path: the study file.
        *changes: values to use instead of the file's, such as `"trainer.max_epochs=3"`.
        storage: URL of the database; None for the study file's own or the default.
        trust: whether to import code that others could have written; see docs/security.md.

    Raises:
        hpsearch.errors.InputError: the file, a change or a class's argument has faults; all
            of them are named.
    """
    # Here and not above: `import hpsearch` loads neither Optuna nor torch.
    from hpsearch.study import Study

    return Study.read(Path(path), changes, storage, trust)
