"""The images of a training run: events of the data set, or composed of them."""

from pathlib import Path

from jetimg.common.errors import DataError
from jetimg.composition.torch_composed import ComposedImages
from jetimg.loader.augment import Augmentation
from jetimg.loader.torch_dataset import JetImages
from models.networks.config import Config
from models.training.distributed import Worker

Images = JetImages | ComposedImages


def images(paths: tuple[Path, ...], worker: Worker, config: Config, *, train: bool) -> Images:
    """Images for training, changed at random and in random order; or for validation.

    Args:
        paths: shards of the split.
        worker: the process, which gets its share of them.
        config: network and training.
        train: whether they are for training.

    Raises:
        DataError: they have no masks, which the network needs; or nothing can be composed.
    """
    chosen, share = config.training, {"rank": worker.rank, "world_size": worker.world_size}
    if config.composition is not None:
        n_images = config.composition.images if train else config.composition.validation_images
        return ComposedImages(paths, chosen.batch_size, config.composition, n_images, seed=chosen.seed, **share)
    augmentation = Augmentation(**config.augmentation.model_dump()) if train else None
    made = JetImages(
        paths,
        chosen.batch_size,
        shuffle=train,
        seed=chosen.seed,
        augmentation=augmentation,
        threads=chosen.threads,
        **share,
    )
    if config.model.architecture == "mask" and not made.with_masks:
        raise DataError(
            f"{paths[0]}: no masks, which a network of architecture mask learns; `jetimg compose` makes event files "
            "that have them, and the section `composition` of the configuration composes while training"
        )
    return made
