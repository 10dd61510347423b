"""Images composed while they are needed, as a torch data set of batches: other ones in each epoch."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch.utils.data import IterableDataset, get_worker_info

from jetimg.composition.composer import Composer
from jetimg.composition.settings import Composition
from jetimg.loader.sparse import SparseBatch


class ComposedImages(IterableDataset[SparseBatch]):
    """Composed images in batches, in the place of `jetimg.loader.torch_dataset.JetImages`.

    The batches of an epoch follow from seed, epoch, rank and world size, whatever the number of workers.

    Attributes:
        class_names: names of the classes.
        shape: pixels along eta and phi.
        batch_size: images in a batch; the last may have fewer.
        n_events: images in an epoch.
        epoch: which images; see `set_epoch`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        batch_size: int,
        chosen: Composition,
        n_images: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Reads all objects.

        Args:
            paths: event files or shards with one object an event, and backgrounds.
            batch_size: images in a batch.
            chosen: how images are composed.
            n_images: in an epoch.
            seed: of everything drawn.
            rank, world_size: which share of the images this process gets.

        Raises:
            DataError: see `jetimg.composition.composer.Composer`.
        """
        self._composer = Composer(paths, chosen, seed)
        self.batch_size, self.n_events, self.epoch = batch_size, n_images, 0
        self.class_names, self.shape = self._composer.files.class_names, self._composer.files.geometry.image_shape
        self._first, self._last = (n_images * share // world_size for share in (rank, rank + 1))

    def set_epoch(self, epoch: int) -> None:
        """Chooses the images of another epoch; takes effect when iteration starts."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-(self._last - self._first) // self.batch_size)

    def __iter__(self) -> Iterator[SparseBatch]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        for start in range(self._first, self._last, self.batch_size)[number::workers]:
            yield self.read(start, min(start + self.batch_size, self._last))

    def read(self, start: int, stop: int) -> SparseBatch:
        """Images start to stop of the epoch."""
        return self._composer.compose(range(start, stop), self.epoch).images
