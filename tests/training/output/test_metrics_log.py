from __future__ import annotations

from understudy.training.output.metrics_log import FILE, MetricsLog, read_metrics


def test_measurements_are_on_the_disk_at_once(tmp_path):
    log = MetricsLog(tmp_path / "new", 0)
    log.append({"step": 20, "loss": 1.5})
    assert read_metrics(tmp_path / "new") == [{"step": 20, "loss": 1.5}] == log.records


def test_going_on_forgets_what_came_after_the_checkpoint_and_a_torn_line(tmp_path):
    (tmp_path / FILE).write_text('{"step": 20}\n{"step": 40}\n[1]\n{"step": 60}\n{"step": 80, "lo')
    assert [record["step"] for record in MetricsLog(tmp_path, 40).records] == [20, 40]
    assert (tmp_path / FILE).read_text() == '{"step": 20}\n{"step": 40}\n'
