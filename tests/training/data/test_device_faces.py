from __future__ import annotations

import pytest
import torch
from understudy.training.data.device_faces import GIB, DeviceFaces, MemoryBudget

CPU = torch.device("cpu")
EACH = 8 * 16 * 16 * 4


@pytest.mark.parametrize("fit", [0, 1, 4, 7])
def test_faces_beside_the_device_are_the_same_faces(fit):
    packed = torch.randn(7, 8, 16, 16)
    room = MemoryBudget(CPU, (fit + 0.5) * EACH / GIB)
    faces, whole = DeviceFaces.place(packed.clone(), room), DeviceFaces.place(packed.clone(), MemoryBudget(CPU))
    assert (len(faces.near), len(faces.far), len(faces)) == (fit, 7 - fit, 7)
    assert len(whole.near) == 7
    for picks in (torch.tensor([6, 0, 3, 3, 5, 1]), torch.tensor([6]), torch.arange(7), torch.tensor([0])):
        assert torch.equal(faces.gather(picks), packed[picks]) and torch.equal(whole.gather(picks), packed[picks])


def test_half_floats_come_out_as_floats():
    packed = torch.randn(3, 8, 4, 4).half()
    faces = DeviceFaces.place(packed, MemoryBudget(CPU, 300 / GIB))
    drawn = faces.gather(torch.tensor([2, 0]))
    assert drawn.dtype == torch.float32 and torch.equal(drawn, packed[[2, 0]].float())


def test_sides_share_the_room():
    room = MemoryBudget(CPU, 10 * EACH / GIB)
    first, second = (DeviceFaces.place(torch.zeros(7, 8, 16, 16), room) for _ in range(2))
    assert (len(first.near), len(second.near)) == (7, 3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_without_a_budget_faces_take_a_part_of_the_free_memory():
    device = torch.device("cuda")
    free = torch.cuda.mem_get_info(device)[0]
    assert 0.5 * free < MemoryBudget(device).left < 0.7 * free
    packed = torch.randn(9, 8, 16, 16).half()
    faces = DeviceFaces.place(packed, MemoryBudget(device, 4.5 * EACH / 2 / GIB))
    picks = torch.tensor([8, 0, 5, 3])
    assert len(faces.near) == 4 and torch.equal(faces.gather(picks).cpu(), packed[picks].float())
