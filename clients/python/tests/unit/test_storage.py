"""Places, and where they are kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from qy_lty import FileStorage, MemoryStorage, Place, Storage
from qy_lty.endpoint import Endpoint
from qy_lty.place import REMEMBERED


@pytest.fixture(params=["memory", "file", "file without sync"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return MemoryStorage()
    return FileStorage(tmp_path / "place.json", sync=request.param == "file")


async def test_gives_back_what_was_saved_last(storage: Storage) -> None:
    assert await storage.load() is None
    place = Place("e", 1, "m1", ["m1"])
    await storage.save(place)
    place.handled("e", 2, "m2")
    loaded = await storage.load()
    assert loaded is not None
    assert loaded.to_json() == {"epoch": "e", "seq": 1, "last": "m1", "seen": ["m1"]}
    await storage.save(place)
    loaded = await storage.load()
    assert loaded is not None
    assert loaded.has("m2")


async def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "place.json")
    for seq in range(1, 20):
        await storage.save(Place("e", seq, f"m{seq}"))
    assert [file.name for file in tmp_path.iterdir()] == ["place.json"]
    assert (tmp_path / "place.json").stat().st_mode & 0o077 == 0


async def test_readers_never_see_half_of_it(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "place.json", sync=False)
    await storage.save(Place("e", 0))

    async def write() -> None:
        for seq in range(1, 200):
            await storage.save(Place("e", seq, f"m{seq}", [str(n) for n in range(200)]))

    writing = asyncio.create_task(write())
    while not writing.done():
        assert json.loads((tmp_path / "place.json").read_text())["epoch"] == "e"
        await asyncio.sleep(0)


@pytest.mark.parametrize("text", ["", "{", "7", "{}", '{"seq":-1,"seen":[]}', '{"seq":1,"seen":[7]}', "\xff"])
async def test_what_is_no_place_is_none_with_a_warning(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "place.json"
    path.write_bytes(text.encode("latin-1"))
    assert await FileStorage(path).load() is None
    assert "holds no place" in caplog.text


async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await FileStorage(tmp_path / "no" / "place.json").save(Place())


def test_a_place_remembers_so_many_ids() -> None:
    place = Place("e")
    for seq in range(1, REMEMBERED + 3):
        place.handled("e", seq, f"m{seq}")
    assert not place.has("m2")
    assert place.has("m3")
    assert (place.seq, place.last) == (REMEMBERED + 2, f"m{REMEMBERED + 2}")


def test_a_place_never_goes_back() -> None:
    place = Place("e", 5, "m5")
    place.handled("e", 4, "m4")
    place.handled("another", 9, "m9")
    assert (place.seq, place.last) == (5, "m5")
    assert place.has("m4")
    assert place.has("m9")


@pytest.mark.parametrize(
    ("url", "dialled"),
    [
        ("ws://host:8000", "ws://host:8000/ws/device/"),
        ("http://host:8000/", "ws://host:8000/ws/device/"),
        ("https://host", "wss://host/ws/device/"),
        ("WSS://host/behind/ws/device/", "wss://host/behind/ws/device/"),
        ("ws://[::1]:8000", "ws://[::1]:8000/ws/device/"),
        ("ws://host/?x=1", "ws://host/ws/device/?x=1"),
    ],
)
def test_a_url_is_a_base(url: str, dialled: str) -> None:
    assert Endpoint(url).at({}) == dialled


@pytest.mark.parametrize("url", ["", "host:8000", "ftp://host", "ws://", "ws://host:port", "ws://[::1"])
def test_a_url_that_cannot_be_right_is_said(url: str) -> None:
    with pytest.raises(ValueError, match=r"the url (has to look like|cannot be read)"):
        Endpoint(url)


def test_what_is_shown_holds_no_secret() -> None:
    assert Endpoint("wss://user:secret@host:1/path?token=secret").shown == "wss://host:1"
