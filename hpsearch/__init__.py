"""Hyperparameter search for PyTorch Lightning.

    import hpsearch

    study = hpsearch.read_study("studies/quickstart.yaml")
    result = study.run()
    print(result.best_trial)

Its functions print nothing; pass `observer=hpsearch.live_view()` to watch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.errors import (
    DataError,
    HpsearchError,
    InputError,
    SearchError,
    TestSplitClosedError,
)

if TYPE_CHECKING:
    from hpsearch.classes.components import ComponentError
    from hpsearch.result import Result
    from hpsearch.search.options import RunOptions
    from hpsearch.study import Study, load_study, read_study
    from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError
    from hpsearch.views.live import live_view

    __version__: str

__all__ = [
    "ComponentError",
    "DataError",
    "Diagnostic",
    "HpsearchError",
    "InputError",
    "Result",
    "RunOptions",
    "SearchError",
    "Study",
    "StudyFileError",
    "TestSplitClosedError",
    "__version__",
    "live_view",
    "load_study",
    "read_study",
]

# Loaded on first use: `import hpsearch` loads neither Optuna nor torch.
_LATER = {
    "ComponentError": "hpsearch.classes.components",
    "Diagnostic": "hpsearch.studyfile.diagnostics",
    "Result": "hpsearch.result",
    "RunOptions": "hpsearch.search.options",
    "Study": "hpsearch.study",
    "StudyFileError": "hpsearch.studyfile.diagnostics",
    "live_view": "hpsearch.views.live",
    "load_study": "hpsearch.study",
    "read_study": "hpsearch.study",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("hpsearch")
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
