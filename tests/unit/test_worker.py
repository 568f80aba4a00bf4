"""What the workers are told, and what a message may do; their life is in tests/processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tieout import worker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("TIEOUT_WORKSPACE", str(ROOT / "config"))
    monkeypatch.setenv("TIEOUT_BROKER", "redis://elsewhere:6379/1")
    return worker._settings()


def test_a_message_is_kept_until_its_task_has_ended(settings: dict[str, Any]) -> None:
    assert settings["task_acks_late"]
    assert settings["task_reject_on_worker_lost"]
    assert settings["worker_prefetch_multiplier"] == 1
    assert settings["worker_soft_shutdown_timeout"] > worker.STINT_S
    visible_s = settings["broker_transport_options"]["visibility_timeout"]
    assert worker.STINT_S < settings["task_time_limit"] < visible_s
    assert settings["broker_url"] == "redis://elsewhere:6379/1"


def test_nothing_but_json_is_understood_and_no_result_is_kept(settings: dict[str, Any]) -> None:
    assert settings["accept_content"] == ["json"]
    assert settings["task_serializer"] == "json"
    assert settings["task_ignore_result"]
    assert "result_backend" not in settings
    assert not [name for name in settings if "beat" in name]


def test_each_connection_has_a_queue_and_firms_share_a_redis(settings: dict[str, Any]) -> None:
    workspace = worker.read_workspace(ROOT / "config")
    queues = {queue.name: queue.routing_key for queue in settings["task_queues"]}
    assert queues == {name: name for name in ("tieout", *workspace.connections)}
    assert not settings["task_create_missing_queues"], "a mistyped -Q is an error"
    prefix = settings["broker_transport_options"]["global_keyprefix"]
    assert prefix.startswith("tieout:")
    assert len(prefix) > len("tieout::")
