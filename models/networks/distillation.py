"""What a network learns of another one, beside the truth: knowledge distillation (Hinton et al., arXiv:1503.02531).

The other one, the teacher, says of every default box what it sees there, and how sure it is. For networks of few bits
and of few channels that is more to go by than the labels: most default boxes have none.
"""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from models.networks.layers import Prediction
from models.networks.loss import FOCUS, WEIGHT


def imitation(student: Prediction, teacher: Prediction, huber_delta: float) -> Tensor:
    """How far a network is from its teacher, for each object that the teacher sees; at its least where both agree.

    Of probabilities, the quality focal loss with the teacher's in the place of the truth, or the cross entropy where a
    default box has one jet; of offsets and pt, Huber's loss, which counts as far as the teacher is sure of the object.

    Args:
        student: of the network that learns; a gradient goes through it.
        teacher: of the same images and default boxes.
        huber_delta: where Huber's loss becomes linear.
    """
    offset, logits, log_pt = (part.float() for part in student)
    wanted_offset, wanted_logits, wanted_log_pt = (part.detach().float() for part in teacher)
    if student.per_class:
        sure = wanted = wanted_logits.sigmoid()
        focus = (logits.sigmoid() - wanted).abs() ** FOCUS
        probability = (focus * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")).sum()
    else:
        wanted = wanted_logits.softmax(dim=-1)
        sure = 1 - wanted[..., 0]
        probability = -(wanted * logits.log_softmax(dim=-1)).sum()
    localisation = F.huber_loss(offset, wanted_offset, delta=huber_delta, reduction="none").sum(dim=-1)
    regression = F.huber_loss(log_pt, wanted_log_pt, delta=huber_delta, reduction="none")
    boxes = (sure * (localisation + regression)).sum()
    return (probability + WEIGHT * boxes) / sure.sum().clamp(min=1)
