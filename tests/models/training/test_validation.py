from pathlib import Path

import pytest
import torch
from torch import nn

from jetimg.loader.torch_dataset import JetImages
from models.data.data_set import DataSet, truth
from models.networks.build import build
from models.networks.config import Model
from models.networks.layers import Prediction
from models.networks.matching import assign_per_class
from models.training.validation import average_precision
from tests.helpers import made_events


class Oracle(nn.Module):
    """Says what was wanted, batch by batch, whatever it is shown."""

    def __init__(self, data: DataSet, images: JetImages, n_events: int) -> None:
        super().__init__()
        self.register_buffer("default_boxes", build(data.describe(Model())).default_boxes)
        batches = (images.read(start, start + 1) for start in range(n_events))
        self.wanted = [
            assign_per_class(
                truth(batch, "cpu"), torch.ones(1), self.default_boxes, 2, len(data.class_names), 0.4, batch.shape[1]
            )
            for batch in batches
        ]

    def forward(self, images: torch.Tensor) -> Prediction:
        wanted = self.wanted.pop(0)
        return Prediction(wanted.offset, 40 * wanted.overlap - 20, wanted.log_pt)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataSet:
    return DataSet.of(made_events.dataset(tmp_path_factory.mktemp("dataset")))


def test_a_network_that_knows_the_truth_has_an_average_precision_of_one(data) -> None:
    images = JetImages(data.train, 1)
    oracle = Oracle(data, images, images.n_events)
    model = data.describe(Model())
    found = average_precision(oracle, images, 1000, model, torch.device("cpu"))
    assert found > 0.8
    assert not oracle.wanted


def test_only_the_first_events_are_looked_at(data: DataSet) -> None:
    images = JetImages(data.train, 1)
    oracle = Oracle(data, images, 2)
    average_precision(oracle, images, 2, data.describe(Model()), torch.device("cpu"))
    assert not oracle.wanted
    assert isinstance(data.train[0], Path)
