import struct

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from hpsearch.data import DataError, ImageData, TestSplitClosedError
from hpsearch.data.batches import Batch
from hpsearch.data.test_access import evaluations_of
from hpsearch.models import CNN

SIDE, COUNT, CLASSES = 12, 90, 3

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A folder of IDX files with 90 training images and no test images."""
    images = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE), np.uint8)
    labels = np.arange(COUNT, dtype=np.uint8) % CLASSES
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    return tmp_path


def ready(folder, **arguments):
    data = ImageData(**{"source": str(folder), "validation": 30, "batch_size": 16} | arguments)
    data.setup("fit")
    return data


def trainer(epochs, folder, **arguments):
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **arguments,
    )


def test_shape_classes_and_split_are_known_after_setup(folder):
    data = ready(folder)
    assert data.input_shape == (1, SIDE, SIDE)
    assert data.classes == CLASSES
    assert data.class_names == ("0", "1", "2")
    assert len(data.split_fingerprint) == 16


def test_the_study_decides_the_split_and_the_trial_the_order(folder):
    one, two = ready(folder, order_seed=1), ready(folder, order_seed=2)
    assert one.split_fingerprint == two.split_fingerprint
    assert ready(folder, split_seed=1).split_fingerprint != one.split_fingerprint
    first, second = (next(iter(data.train_dataloader())) for data in (one, two))
    assert not torch.equal(first.images, second.images)


def test_every_training_image_is_on_one_side(folder):
    data = ready(folder)
    sides = [
        sum(len(batch.labels) for batch in loader)
        for loader in (data.train_dataloader(), data.val_dataloader())
    ]
    assert sides == [60, 30]


def test_inputs_have_mean_0_and_deviation_1(folder):
    data = ready(folder, batch_size=60)
    [batch] = data.train_dataloader()
    inputs, labels = data.on_after_batch_transfer(batch, 0)
    assert inputs.dtype == torch.float32
    assert abs(inputs.mean()) < 1e-4
    assert abs(inputs.std() - 1) < 1e-3
    assert torch.equal(labels, batch.labels)


def test_only_training_batches_are_augmented(folder):
    plain, augmented = ready(folder), ready(folder, augment={"rotate": 30})
    for loader, equal in (("val_dataloader", True), ("train_dataloader", False)):
        inputs = [
            data.on_after_batch_transfer(next(iter(getattr(data, loader)())), 0)[0]
            for data in (plain, augmented)
        ]
        assert torch.equal(*inputs) == equal


def test_a_batch_of_another_kind_passes_unchanged(folder):
    batch = {"images": torch.zeros(1)}
    assert ready(folder).on_after_batch_transfer(batch, 0) is batch


def test_batches_are_moved_as_lightning_does_and_other_data_by_lightning(folder):
    data, meta = ready(folder), torch.device("meta")
    batch = next(iter(data.train_dataloader()))
    for mover in (data, pl.LightningDataModule()):
        moved = mover.transfer_batch_to_device(batch, meta, 0)
        assert isinstance(moved, Batch)
        assert (moved.images.device, moved.labels.device) == (meta, meta)
        assert moved.seed == batch.seed
    other = {"inputs": [torch.zeros(1)]}
    assert data.transfer_batch_to_device(other, meta, 0)["inputs"][0].device == meta


def test_a_training_resumed_after_an_epoch_continues_exactly_as_it_would_have(folder):
    def fit(epochs, resume=None):
        torch.manual_seed(0)
        model = CNN(channels=[4], input_shape=(1, SIDE, SIDE), classes=CLASSES)
        data = ready(folder, augment={"shift": 0.1, "rotate": 15, "erase": 0.5, "elastic": 1})
        runner = trainer(epochs, folder, num_sanity_val_steps=0)
        runner.fit(model, datamodule=data, ckpt_path=resume, weights_only=True)
        return runner, model

    path = folder / "after-2.ckpt"
    fit(2)[0].save_checkpoint(path)
    whole, resumed = fit(3)[1], fit(3, resume=path)[1]
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_test_split_is_closed_until_it_is_opened_for_a_reason(folder, monkeypatch):
    monkeypatch.chdir(folder)  # where it is put on record
    data = ImageData()
    for closed in (data.test_dataloader, data.predict_dataloader):
        with pytest.raises(TestSplitClosedError, match=r"closed: .* open_test_split\(reason\)"):
            closed()
    with pytest.raises(DataError, match="opening the test split needs a reason"):
        data.open_test_split(" ")
    data.open_test_split("a test of this very rule")
    assert len(data.test_dataloader()) == 40, "10,000 images"
    assert len(data.predict_dataloader()) == 40
    [evaluation] = evaluations_of(folder, data.test_fingerprint())
    assert evaluation["reason"] == "a test of this very rule"
    assert evaluation["source"] == "mnist"


def test_trainer_test_does_not_reach_a_closed_test_split(folder):
    data = ready(folder)
    model = CNN(channels=[4], input_shape=data.input_shape, classes=CLASSES)
    with pytest.raises(TestSplitClosedError):
        trainer(1, folder).test(model, data)


def test_training_reads_no_test_file(folder):
    # The folder has none: a fit that looked for one would fail.
    data = ready(folder)
    model = CNN(channels=[4], input_shape=data.input_shape, classes=CLASSES)
    runner = trainer(1, folder)
    runner.fit(model, datamodule=data)
    assert "val_accuracy" in runner.callback_metrics


@pytest.mark.parametrize("name", ["offline_copies", "tripled"])
def test_offline_copies_are_trained_on_and_never_validated_on(folder, name):
    plain, tripled = ready(folder), ready(folder, **{name: True})
    assert sum(len(batch.labels) for batch in tripled.train_dataloader()) == 180
    assert sum(len(batch.labels) for batch in tripled.val_dataloader()) == 30
    assert plain.split_fingerprint == tripled.split_fingerprint


def test_a_second_setup_loads_nothing_again(folder):
    data = ready(folder)
    training = data.training
    data.setup("fit")
    assert data.training is training


def test_all_errors_of_the_arguments_are_reported_at_once():
    with pytest.raises(DataError) as caught:
        ImageData(batch_size=0, validation=2.5, augment={"shift": 3, "spin": 1}, memory_limit_gb=0)
    message = str(caught.value)
    for part in (
        "batch_size=0 must be a whole number, 1 or more",
        "validation=2.5 must be a whole number",
        "memory_limit_gb=0 must be above 0",
        "augment.shift=3: outside 0 to 1",
        "augment.spin: no such augmentation",
    ):
        assert part in message


def write_pictures(folder, parts=("train", "val", "test"), count=6):
    for part in parts:
        for shade, label in enumerate("ab"):
            (folder / part / label).mkdir(parents=True)
            for number in range(count):
                picture = Image.new("L", (8, 8), 90 * shade + 10 * number)
                picture.save(folder / part / label / f"{number}.png")
    return folder


def test_a_validation_folder_is_the_validation_part(tmp_path):
    data = ImageData(str(write_pictures(tmp_path)), image_size=8)
    data.setup("fit")
    assert sum(len(batch.labels) for batch in data.train_dataloader()) == 12
    assert sum(len(batch.labels) for batch in data.val_dataloader()) == 12
    data.train_on_everything()
    data.setup("fit")
    assert len(data.training[1]) == 24


def test_a_number_of_validation_images_is_taken_from_the_training_folder(tmp_path):
    data = ImageData(str(write_pictures(tmp_path)), image_size=8, validation=4)
    data.setup("fit")
    training = set(data.training[1].tolist())
    validation = data.val_dataloader()._index.tolist()
    assert (len(training), len(validation)) == (8, 4)
    assert training | set(validation) == set(range(12))


def test_a_fifth_of_few_images_is_for_validation_by_default(folder):
    data = ready(folder, validation=None)
    assert (len(data.training[1]), len(data.val_dataloader()._index)) == (72, 18)


def test_the_data_fingerprint_depends_on_images_and_labels_only(folder):
    one = ready(folder)
    assert len(one.data_fingerprint) == 16
    other = ready(folder, batch_size=30, order_seed=5, validation=20, split_seed=3)
    assert other.data_fingerprint == one.data_fingerprint
    labels = folder / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\0")
    assert ready(folder).data_fingerprint != one.data_fingerprint


def test_unusable_pictures_are_left_out_on_request(tmp_path):
    write_pictures(tmp_path, ("train",))
    (tmp_path / "train" / "a" / "0.png").write_bytes(b"")
    arguments = {"source": str(tmp_path), "image_size": 8, "validation": 4}
    with pytest.raises(DataError, match=r"a/0\.png: an empty file"):
        ImageData(**arguments).setup("fit")
    data = ImageData(**arguments, skip_unreadable=True)
    data.setup("fit")
    assert len(data.training[1]) == 7
