"""KerasTuner over Keras on torch, with Keras's own random layers for augmentation."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import keras_tuner
from keras import layers
from work import ROTATE, SHIFT, Task, read_arrays, read_split, read_work, say


def network(task: Task) -> list[layers.Layer]:
    """Returns the layers of the task's network."""
    if task.model == "softmax":
        return [layers.Flatten(), layers.Dense(10)]
    if task.model == "mlp":
        return [layers.Flatten(), layers.Dense(50, activation="relu"), layers.Dense(10)]
    moving = [
        layers.RandomRotation(ROTATE / 360, fill_mode="constant"),
        layers.RandomTranslation(SHIFT, SHIFT, fill_mode="constant"),
    ] * task.augment

    def drop() -> list[layers.Layer]:
        return [layers.Dropout(task.dropout)] if task.dropout else []

    block = [
        layer
        for _ in range(2)
        for layer in (
            layers.Conv2D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            *drop(),
        )
    ]
    hidden = layers.Dense(50, activation="relu")
    return [*moving, *block, layers.Flatten(), hidden, *drop(), layers.Dense(10)]


if __name__ == "__main__":
    work = read_work()
    images, labels = read_arrays(work)
    images = images[..., None].astype("float32") / 255
    used, kept = read_split(work)

    def build(choices: keras_tuner.HyperParameters) -> keras.Model:
        """Returns a compiled model with the trial's learning rate."""
        lr = choices.Choice("lr", list(work.rates))
        model = keras.Sequential([keras.Input((28, 28, 1)), *network(work.task)])
        model.compile(
            optimizer=keras.optimizers.Adam(lr),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model

    tuner = keras_tuner.GridSearch(
        build,
        objective="val_accuracy",
        max_trials=len(work.rates),
        directory=work.folder,
        project_name="peer",
        overwrite=True,
    )
    tuner.search(
        images[used],
        labels[used],
        validation_data=(images[kept], labels[kept]),
        epochs=work.epochs,
        batch_size=work.task.batch_size,
        verbose=2,
    )
    trials = tuner.oracle.trials.values()
    say(accuracies=[trial.score for trial in trials])
