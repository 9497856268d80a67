import pytest
from torch import nn

from hpsearch.models import MLP
from hpsearch.models.mlp import ACTIVATIONS


def linear_shapes(model):
    return [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)]


def test_the_tutorials_has_39760_parameters():
    assert sum(p.numel() for p in MLP(widths=[50]).parameters()) == 39760


def test_depth_and_widths_are_free():
    assert linear_shapes(MLP([30, 20, 40])) == [(784, 30), (30, 20), (20, 40), (40, 10)]
    assert linear_shapes(MLP([])) == [(784, 10)]


@pytest.mark.parametrize(("name", "kind"), ACTIVATIONS.items())
def test_every_hidden_layer_has_the_activation_and_dropout_that_are_asked_for(name, kind):
    model = MLP([5, 6], dropout=0.3, activation=name)
    assert sum(isinstance(module, kind) for module in model.modules()) == 2
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3]


def test_all_errors_are_reported_at_once():
    message = r"MLP: widths\[1\]=0 .*; dropout=1.5 .*; activation='rellu' must be one of relu, "
    with pytest.raises(ValueError, match=message):
        MLP([50, 0], dropout=1.5, activation="rellu")
