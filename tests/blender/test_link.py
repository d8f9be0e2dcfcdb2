"""The network thread without Blender."""

from blender_addon import news
from blender_addon.link import Link, Server, say_hello


def test_every_wish_is_passed_on_once_and_a_failure_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    link = Link(Server("tcp://127.0.0.1:9", "", tmp_path), say_hello)
    link.ask("cancel")
    link.ask("leave")
    assert [link.take_wish() for _ in range(3)] == ["cancel", "leave", None]
    link.wait(20)
    assert not link.alive
    told = link.inbox.get_nowait()
    assert isinstance(told, news.Failed)
    assert "worldwarp serve" in told.text


def test_a_run_is_stopped_once_the_chunk_that_is_to_be_its_last_is_in_work(tmp_path):
    link = Link(Server("tcp://127.0.0.1:9", "", tmp_path), say_hello)
    link.last = 1
    wishes = []
    for chunk in (0, 1, 1, 2):
        link.stop_in_time(chunk)
        wishes.append(link.take_wish())
    assert wishes == [None, "stop_after_chunk", None, None]
    link.leave()
