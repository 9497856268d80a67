"""The network, built from the study file and handed to the module."""

from torch import Tensor, nn


class DenseNet(nn.Module):
    def __init__(self, input_size: int = 16, hidden: int = 4, output_size: int = 3) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(input_size, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, output_size),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.model(x.flatten(1))
        return scores
