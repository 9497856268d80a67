"""What to write where an exception of a project's code does not say it.

Older releases of Lightning, torchmetrics and torch had other names. Lightning itself says so of
hooks, such as `validation_epoch_end`; of these, Python only says that they are not there. And a
study file has texts, where a script that parses its own command line may have made paths of them.
"""

from __future__ import annotations

import re

_INSTEAD = (
    (
        "property 'hparams' of .* has no setter",
        "write self.save_hyperparameters(hparams) in place of self.hparams = hparams",
    ),
    (
        r"property '(device|trainer|logger|current_epoch|global_step)' of .* has no setter",
        r"Lightning sets self.\1: leave that to it",
    ),
    (
        r"lightning(\.pytorch)?' has no attribute '(Eval|Train)Result'",
        'write self.log("val_loss", loss) and return loss',
    ),
    (
        r"lightning(\.pytorch)?' has no attribute 'data_loader'",
        "write train_dataloader or val_dataloader without a decorator",
    ),
    (r"lightning(\.pytorch)?(' has no attribute '|\.)metrics'", "write torchmetrics in its place"),
    (r"lightning\.utilities\.cli'", "write pytorch_lightning.cli"),
    (r"lightning\.core\.lightning'", "write from pytorch_lightning import LightningModule"),
    (r"lightning\.utilities\.distributed'", "write pytorch_lightning.utilities"),
    ("cannot import name 'LightningLoggerBase'", "write Logger"),
    (
        r"Trainer(\.__init__\(\) got an unexpected|' has no attribute)",
        'trials have a Trainer of their own: put yours under `if __name__ == "__main__":`',
    ),
    (
        r"\w+\(\) missing 1 required positional argument: 'task'",
        'write task="multiclass", num_classes=NUMBER, or task="binary"',
    ),
    (r"__init__\(\) got an unexpected keyword argument 'verbose'", "leave verbose out"),
    (
        r"operand type\(s\) for /: 'str' and|'str' object has no attribute "
        r"'(exists|glob|is_dir|is_file|iterdir|joinpath|mkdir|name|open|parent|rglob|stem|suffix)'",
        "an argument without a type gets a text as it is: write"
        " {class_path: pathlib.Path, init_args: {args: [TEXT]}}, or give the argument the type"
        " Path",
    ),
)


def advice_on(message: str) -> str:
    """Returns what to write in place of what a message refuses, to be appended to it; or ""."""
    for pattern, words in _INSTEAD:
        if found := re.search(pattern, message):
            return f"; {found.expand(words)}"
    return ""
