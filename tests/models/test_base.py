import pytest
import pytorch_lightning as pl
import torch
from torch.nn import functional

from hpsearch.models import CNN, MLP, AbstractClassifier, Dilated, Residual, Softmax

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")

MODELS = [Softmax, MLP, CNN, Residual, Dilated]
METRICS = {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}


class Batches:
    """Two batches of random images, the same every time."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.batches = [
            (torch.randn(n, 1, 8, 8, generator=generator), torch.arange(n) % 3) for n in (6, 3)
        ]

    def __len__(self):
        return 2

    def __iter__(self):
        return iter(self.batches)


def trainer(**arguments):
    return pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **arguments,
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 10), ((3, 17, 9), 4)])
def test_any_image_shape_and_number_of_classes(model, shape, classes):
    built = model(input_shape=shape, classes=classes)
    assert built(torch.randn(2, *shape)).shape == (2, classes)
    assert built.example_input_array.shape == (1, *shape)


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_is_trained(model):
    built = model(input_shape=(1, 8, 8), classes=3)
    built.training_step(next(iter(Batches())), 0).backward()
    assert all(parameter.grad is not None for parameter in built.parameters())


@pytest.mark.parametrize("model", [CNN, Residual, Dilated])
def test_convolutions_are_kept_channels_last(model):
    weights = [p for p in model(input_shape=(3, 8, 8)).parameters() if p.ndim == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_the_epochs_metrics_are_logged_and_match_the_whole_set():
    torch.manual_seed(0)
    model = Softmax(input_shape=(1, 8, 8), classes=3)
    runner = trainer(max_epochs=1, limit_train_batches=0.5)
    runner.fit(model, Batches(), Batches())
    assert set(runner.callback_metrics) == METRICS
    images, labels = (torch.cat(part) for part in zip(*Batches(), strict=True))
    logits = model.eval()(images)
    expected = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(runner.callback_metrics["val_loss"], expected.detach())
    accuracy = (logits.argmax(1) == labels).float().mean()
    torch.testing.assert_close(runner.callback_metrics["val_accuracy"], accuracy)


def test_confusion_is_of_the_last_validation_epoch_alone():
    model = Softmax(input_shape=(1, 8, 8), classes=3)
    runner = trainer(max_epochs=2)
    runner.fit(model, Batches(), Batches())
    counts = model.confusion()
    trainer().test(model, Batches(), verbose=False)
    assert model.confusion() == counts
    assert [sum(row) for row in counts] == [3, 3, 3]
    right = sum(row[place] for place, row in enumerate(counts))
    assert right / 9 == pytest.approx(runner.callback_metrics["val_accuracy"].item())


def test_test_metrics_have_their_own_names():
    [metrics] = trainer().test(Softmax(input_shape=(1, 8, 8), classes=3), Batches(), verbose=False)
    assert set(metrics) == {"test_loss", "test_accuracy"}


def test_predictions_are_probabilities():
    model = Softmax(input_shape=(1, 8, 8), classes=3)
    first, _ = trainer().predict(model, Batches())
    torch.testing.assert_close(first.sum(1), torch.ones(6))


def test_label_smoothing_changes_the_training_loss_alone():
    images, labels = next(iter(Batches()))
    torch.manual_seed(0)
    plain = Softmax(input_shape=(1, 8, 8), classes=3)
    smooth = Softmax(input_shape=(1, 8, 8), classes=3, label_smoothing=0.2)
    smooth.load_state_dict(plain.state_dict())
    assert plain.training_step((images, labels), 0) != smooth.training_step((images, labels), 0)
    losses = [
        trainer().validate(model, Batches(), verbose=False)[0]["val_loss"]
        for model in (plain, smooth)
    ]
    assert losses[0] == losses[1]


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    model = MLP(input_shape=(1, 8, 8), classes=3)
    runner = trainer(max_epochs=30)
    before = model.training_step(next(iter(Batches())), 0).item()
    runner.fit(model, Batches(), Batches())
    assert runner.callback_metrics["train_loss"] < before / 2


def test_adam_is_the_optimizer_unless_the_study_names_another():
    optimizer = Softmax().configure_optimizers()
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.param_groups[0]["lr"] == 1e-3


def test_the_base_cannot_be_built():
    with pytest.raises(TypeError, match="abstract"):
        AbstractClassifier((1, 8, 8), 3)


@pytest.mark.parametrize("model", MODELS)
def test_shared_arguments_are_checked(model):
    with pytest.raises(ValueError, match=r"input_shape=\[28, 28\] must have 3 entries; classes=1"):
        model(input_shape=[28, 28], classes=1)
    with pytest.raises(ValueError, match=f"{model.__name__}: label_smoothing=1.0 must be a number"):
        model(label_smoothing=1.0)
