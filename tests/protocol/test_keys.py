import multiprocessing
import os
import stat
from multiprocessing.queues import Queue
from pathlib import Path

import pytest
import zmq
from worldwarp_protocol import keys
from worldwarp_protocol.errors import KeyFileError

posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps keys private by the folder's access list")


def new_public() -> str:
    return zmq.curve_keypair()[0].decode()


def test_home_is_chosen_or_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    assert keys.home() == tmp_path
    monkeypatch.delenv("WORLDWARP_HOME")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert keys.home() == Path("/home/ada/.config/worldwarp")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/ada")
    assert keys.home() == Path("/etc/ada/worldwarp")
    monkeypatch.setattr("sys.platform", "darwin")
    assert keys.home() == Path("/home/ada/Library/Application Support/worldwarp")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", "/Users/ada/Roaming")
    assert keys.home() == Path("/Users/ada/Roaming/worldwarp")


@pytest.mark.parametrize("make", [keys.server_keys, keys.client_keys])
def test_a_pair_is_made_once(make: object, tmp_path: Path) -> None:
    assert callable(make)
    pair = make(tmp_path / "not" / "there" / "yet")
    assert pair == make(tmp_path / "not" / "there" / "yet")
    assert zmq.curve_public(pair.secret) == pair.public
    assert pair != make(tmp_path / "another")


def test_a_secret_does_not_print(tmp_path: Path) -> None:
    assert keys.server_keys(tmp_path).secret.decode() not in repr(keys.server_keys(tmp_path))


@posix
def test_files_and_folders_are_the_owners_alone_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.server_keys(tmp_path / "home")
        keys.client_keys(tmp_path / "home")
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    }
    assert modes == {"home": 0o700, "server.key": 0o600, "client.key": 0o600, "clients": 0o700, "local.key": 0o600}


@posix
def test_folders_are_the_owners_alone_where_enrolling_came_first(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.enrol(tmp_path / "config" / "home", "ada", new_public())
    finally:
        os.umask(before)
    made = [tmp_path / "config", *(tmp_path / "config").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_secret_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    keys.server_keys(tmp_path)
    (tmp_path / "server.key").chmod(mode)
    with pytest.raises(KeyFileError, match=r"run `chmod 600 '.*server\.key'`"):
        keys.server_keys(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40, b"~" * 40, b"#" * 40, b"a" * 4000])
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    keys.server_keys(tmp_path)
    (tmp_path / "server.key").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"server\.key does not hold a key: delete it"):
        keys.server_keys(tmp_path)
    assert (tmp_path / "server.key").read_bytes() == content


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    for call in (keys.server_keys, keys.client_keys, lambda home: keys.enrol(home, "ada", new_public())):
        with pytest.raises(KeyFileError, match=r"home.* cannot be written"):
            call(tmp_path / "home")


@posix
def test_a_home_without_hard_links_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(KeyFileError, match=r"server.key cannot be written .* WORLDWARP_HOME"):
        keys.server_keys(tmp_path)
    assert list(tmp_path.iterdir()) == []


def make_keys(home: Path, start: "multiprocessing.synchronize.Barrier", found: "Queue[tuple[bytes, bytes]]") -> None:  # type: ignore[name-defined]
    start.wait()
    found.put((keys.server_keys(home).secret, keys.client_keys(home).secret))


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for attempt in range(3):
        home, start, found = tmp_path / str(attempt), context.Barrier(3), context.Queue()
        processes = [context.Process(target=make_keys, args=(home, start, found)) for _ in range(3)]
        for process in processes:
            process.start()
        pairs = {found.get(timeout=60) for _ in processes}
        for process in processes:
            process.join()
        found.close()
        found.join_thread()
        assert len(pairs) == 1
        assert {path.name for path in home.iterdir()} == {"server.key", "client.key", "clients"}
        assert keys.enrolled(home) == {keys.client_keys(home).public.decode(): "local"}


def test_nobody_is_enrolled_at_first(tmp_path: Path) -> None:
    keys.server_keys(tmp_path)
    assert keys.enrolled(tmp_path) == {}


def test_enrol_and_revoke_take_effect_at_once(tmp_path: Path) -> None:
    ada, ben = new_public(), new_public()
    keys.enrol(tmp_path, "ada", ada)
    keys.enrol(tmp_path, "ben-2", f"  {ben}\n")
    assert keys.enrolled(tmp_path) == {ada: "ada", ben: "ben-2"}
    keys.revoke(tmp_path, "ada")
    assert keys.enrolled(tmp_path) == {ben: "ben-2"}
    with pytest.raises(KeyFileError, match="Nobody is enrolled as 'ada'"):
        keys.revoke(tmp_path, "ada")


def test_the_local_user_stays_revoked(tmp_path: Path) -> None:
    local = keys.client_keys(tmp_path)
    assert keys.enrolled(tmp_path) == {local.public.decode(): "local"}
    keys.revoke(tmp_path, "local")
    assert keys.client_keys(tmp_path) == local
    assert keys.enrolled(tmp_path) == {}


def test_the_local_user_is_enrolled_although_others_were_first(tmp_path: Path) -> None:
    keys.enrol(tmp_path, "ada", new_public())
    local = keys.client_keys(tmp_path)
    assert keys.enrolled(tmp_path)[local.public.decode()] == "local"


def test_a_key_and_a_name_are_enrolled_once(tmp_path: Path) -> None:
    ada = new_public()
    keys.enrol(tmp_path, "ada", ada)
    with pytest.raises(KeyFileError, match="enrolled already, as 'ada'"):
        keys.enrol(tmp_path, "ben", ada)
    with pytest.raises(KeyFileError, match="Another key is enrolled as 'ada'"):
        keys.enrol(tmp_path, "ada", new_public())
    assert keys.enrolled(tmp_path) == {ada: "ada"}


@pytest.mark.parametrize(
    "name", ["", "../ada", "a/b", "a\\b", ".", "..", "Ada", "ada.key", "ada\n", "con", "lpt1", "a" * 65, "-a", "ä"]
)
def test_names_that_are_no_plain_file_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match="cannot be a client's name"):
        keys.enrol(tmp_path, name, new_public())
    with pytest.raises(KeyFileError, match="cannot be a client's name"):
        keys.revoke(tmp_path, name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "key", "~" * 40, "#" * 40, "ä" * 40, "a" * 41, "a b" * 13 + "a"])
def test_text_that_is_no_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyFileError, match="This is not a key"):
        keys.enrol(tmp_path, "ada", text)


def test_a_damaged_enrolment_locks_nobody_else_out(tmp_path: Path) -> None:
    ada = new_public()
    keys.enrol(tmp_path, "ada", ada)
    (tmp_path / "clients" / "ben.key").write_bytes(b"\xff\x00")
    (tmp_path / "clients" / "cy.key").mkdir()
    assert keys.enrolled(tmp_path) == {ada: "ada"}
