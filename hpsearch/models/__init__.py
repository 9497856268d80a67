"""Image classifiers for any image shape and number of classes, and schedules for them."""

from hpsearch.models.base import AbstractClassifier
from hpsearch.models.cnn import CNN
from hpsearch.models.dilated import Dilated
from hpsearch.models.mlp import MLP
from hpsearch.models.residual import Residual
from hpsearch.models.schedule import OneCycle, WarmupCosine
from hpsearch.models.softmax import Softmax

__all__ = [
    "CNN",
    "MLP",
    "AbstractClassifier",
    "Dilated",
    "OneCycle",
    "Residual",
    "Softmax",
    "WarmupCosine",
]
