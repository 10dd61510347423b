"""How weights change in a step: optimizer, learning rate, averaged weights, number formats."""

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from models.networks.config import Config, Schedule

Tensors = tuple[Tensor, ...] | list[Tensor]
# Kinds of quantization whose rounded numbers 16 bits do not hold.
EXACT = ("int8", "binary")


def optimizer(network: nn.Module, chosen: Schedule) -> torch.optim.Optimizer:
    """The optimizer; AdamW lets only weights decay, not biases, slopes, batch norms and scales of quantizers."""
    if chosen.optimizer == "sgd":
        return torch.optim.SGD(
            network.parameters(), chosen.learning_rate, chosen.momentum, weight_decay=chosen.weight_decay
        )
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in network.parameters() if parameter.dim() <= 1]
    groups = [{"params": weights, "weight_decay": chosen.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, chosen.learning_rate)


def scheduler(changed: torch.optim.Optimizer, chosen: Schedule, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """The learning rate of each step.

    Args:
        changed: the optimizer.
        chosen: the schedule.
        steps: in an epoch.
    """
    return torch.optim.lr_scheduler.LambdaLR(changed, lambda step: factor(step, chosen, steps))


def factor(step: int, chosen: Schedule, steps: int) -> float:
    """What the learning rate is multiplied by in a step, counted from 0.

    Args:
        step: its number.
        chosen: the schedule.
        steps: in an epoch.
    """
    if chosen.schedule == "milestones":
        return float(chosen.gamma ** sum(step // max(steps, 1) >= epoch for epoch in chosen.milestones))
    in_all = steps * chosen.epochs
    rising = int(chosen.warm_up * in_all)
    if step < rising:
        return (step + 1) / rising
    done = min((step - rising) / max(in_all - rising, 1), 1.0)
    return 0.5 * (1 + math.cos(math.pi * done))


def averaged(network: nn.Module, share: float) -> AveragedModel | None:
    """A copy of a network whose weights and batch norm statistics follow those of training (arXiv:1803.05407).

    The share of the last average is less in the first steps, so that the random weights of the start are forgotten.

    Args:
        network: that is trained.
        share: of the last average in the next; 0 for no average.
    """
    if not share:
        return None

    def follow(old: Tensors, new: Tensors, n_averaged: Tensor | int) -> None:
        count = int(n_averaged)
        now = min(share, (1 + count) / (10 + count))
        for mean, value in zip(old, new, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean.dtype), 1 - now)
            else:
                mean.copy_(value)

    return AveragedModel(network, multi_avg_fn=follow, use_buffers=True)


def autocast(device: torch.device, config: Config) -> torch.dtype | None:
    """The type of mixed precision, None for float32 alone."""
    if config.training.precision == "float32" or config.compression.kind in EXACT:
        return None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "cpu" and _has_bfloat16() else None


def _has_bfloat16() -> bool:
    """Whether the processor multiplies such numbers itself; elsewhere they are slower than float32."""
    # No public function of torch tells.
    tests = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(test is not None and test() for test in tests)
