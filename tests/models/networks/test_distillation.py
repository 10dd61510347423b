"""What a network learns of its teacher."""

import math

import pytest
import torch

from models.networks.distillation import imitation
from models.networks.layers import Prediction

BOXES, CLASSES = 7, 3


def prediction(seed: int, *, per_class: bool, requires_grad: bool = False) -> Prediction:
    generator = torch.Generator().manual_seed(seed)
    of_box = (CLASSES,) if per_class else ()
    sizes = ((*of_box, 2), (CLASSES if per_class else CLASSES + 1,), of_box)
    parts = [torch.randn(2, BOXES, *size, generator=generator) for size in sizes]
    return Prediction(*(part.requires_grad_(requires_grad) for part in parts))


@pytest.mark.parametrize("per_class", [True, False])
def test_who_agrees_with_the_teacher_learns_nothing(per_class) -> None:
    student, teacher = (prediction(1, per_class=per_class, requires_grad=flag) for flag in (True, False))
    imitation(student, teacher, 1.0).backward()
    for part in student:
        torch.testing.assert_close(part.grad, torch.zeros_like(part), atol=1e-6, rtol=0)


@pytest.mark.parametrize("per_class", [True, False])
def test_steps_against_the_gradient_lead_to_the_teacher(per_class) -> None:
    student, teacher = prediction(1, per_class=per_class, requires_grad=True), prediction(2, per_class=per_class)
    optimizer = torch.optim.Adam([*student], 0.05)
    for _ in range(400):
        optimizer.zero_grad()
        imitation(student, teacher, 1.0).backward()
        optimizer.step()
    assert (student.scores - teacher.scores).abs().max() < 0.05
    assert (student.offset - teacher.offset).abs().max() < 0.05
    assert (student.log_pt - teacher.log_pt).abs().max() < 0.05


def test_by_hand() -> None:
    """One default box, one class: the teacher says 0.5, the student 0.8, with its box 0.2 and its pt 0.4 off."""
    teacher = Prediction(torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
    student = Prediction(
        torch.tensor([0.2, 0.0]).view(1, 1, 1, 2), torch.full((1, 1, 1), math.log(4)), torch.full((1, 1, 1), 0.4)
    )
    probability = 0.3**2 * -(0.5 * math.log(0.8) + 0.5 * math.log(0.2))
    boxes = 0.5 * (0.5 * 0.2**2 + 0.5 * 0.4**2)
    # Divided by what the teacher is sure of, but at least by 1.
    assert imitation(student, teacher, 1.0).item() == pytest.approx(probability + 0.5 * boxes, rel=1e-5)


def test_boxes_count_as_far_as_the_teacher_is_sure() -> None:
    student, teacher = prediction(1, per_class=True, requires_grad=True), prediction(2, per_class=True)
    unsure = teacher._replace(logits=torch.full_like(teacher.logits, -30.0))
    imitation(student, unsure, 1.0).backward()
    assert student.offset.grad.abs().max() < 1e-6
    assert student.log_pt.grad.abs().max() < 1e-6
    assert student.logits.grad.abs().max() > 1e-3
