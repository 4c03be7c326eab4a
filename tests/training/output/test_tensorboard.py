from __future__ import annotations

import sys
import time

import pytest
from understudy.training.output.metrics_log import MetricsLog, read_metrics

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def curves(folder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads: name to points."""
    read = event_accumulator.EventAccumulator(str(folder / "tensorboard"))
    read.Reload()
    return {name: [(point.step, point.value) for point in read.Scalars(name)] for name in read.Tags()["scalars"]}


def test_tensorboard_reads_every_measurement_at_once(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.append({"step": 20, "minutes": 0.5, "loss": 1.5, "source": 0.25, "phase": "warped"})
    log.append({"step": 20, "validation_psnr": 21.5, "phase": "warped"})
    log.append({"step": 40, "minutes": 1.0, "loss": 1.25, "source": 0.5, "phase": "unwarped"})
    assert curves(tmp_path) == {
        "loss": [(20, 1.5), (40, 1.25)],
        "source": [(20, 0.25), (40, 0.5)],
        "validation_psnr": [(20, 21.5)],
    }
    log.close()


@pytest.mark.parametrize("reopened", [True, False])
def test_no_point_is_left_of_a_training_that_was_taken_back(tmp_path, reopened):
    log = MetricsLog(tmp_path, 0)
    for step in (20, 40, 60, 80):
        log.append({"step": step, "loss": float(step)})
    time.sleep(1.1)  # TensorBoard puts its files in order by the second of their making
    if reopened:
        log.close()
        log = MetricsLog(tmp_path, 40)
    else:
        log.go_back(40)
    log.append({"step": 50, "loss": 5.0})
    log.close()
    wanted = [(20, 20.0), (40, 40.0), (50, 5.0)]
    assert curves(tmp_path) == {"loss": wanted}
    assert [(record["step"], record["loss"]) for record in read_metrics(tmp_path)] == wanted


def test_training_does_without_tensorboard(tmp_path, monkeypatch):
    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    log = MetricsLog(tmp_path, 0)
    log.append({"step": 20, "loss": 1.0})
    log.close()
    assert read_metrics(tmp_path) == [{"step": 20, "loss": 1.0}]
    assert not (tmp_path / "tensorboard").exists()
