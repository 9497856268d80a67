"""What older releases of Lightning, torchmetrics and torch had, and what to write today.

Lightning itself says it of hooks, such as `validation_epoch_end`; of these, Python only says that
they are not there.
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
)


def advice_on(message: str) -> str:
    """Returns what to write in place of what a message says is gone; "" if it says no such thing.

    It is to be appended to the message.
    """
    for pattern, words in _INSTEAD:
        if found := re.search(pattern, message):
            return f"; {found.expand(words)}"
    return ""
