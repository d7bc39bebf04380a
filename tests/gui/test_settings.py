import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.settings import RECENT_KEPT, RecentProject, Settings, load, settings_file


def test_settings_come_back_as_they_were():
    kept = Settings(scheme="dark", scale=1.5, device="cuda:0", project="/tmp/pets", page="check", geometry="01ab", zoom=128)
    kept.remember_project(RecentProject("/tmp/pets", "Pets", 12, 0.9))
    kept.save()
    assert load() == kept


def test_without_a_file_they_are_fresh():
    assert load() == Settings()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"scale": "large"}', b"\xff\xfe\x00", b'{"recent": [{}]}', b'{"zoom": null}'])
def test_what_cannot_be_read_is_put_aside(content, caplog):
    settings_file().parent.mkdir(parents=True)
    settings_file().write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert load() == Settings()
    assert not settings_file().exists()
    (aside,) = settings_file().parent.glob("window.*.bad.json")
    assert aside.read_bytes() == content


def test_settings_of_a_newer_version_are_read_as_far_as_they_are_known():
    settings_file().parent.mkdir(parents=True)
    settings_file().write_bytes(b'{"scheme": "dark", "hologram": true}')
    assert load().scheme == "dark"


def test_a_place_that_cannot_be_written_is_no_failure(own_home, caplog):
    (own_home / "settings").write_text("a file is in the way")
    with caplog.at_level(logging.WARNING):
        Settings().save()
    assert "not written" in caplog.text


@given(st.lists(st.integers(0, 20), max_size=60))
def test_recent_projects_are_unique_newest_first_and_few(folders):
    settings = Settings()
    for folder in folders:
        settings.remember_project(RecentProject(str(folder), "x"))
    expected = list(dict.fromkeys(str(folder) for folder in reversed(folders)))[:RECENT_KEPT]
    assert [entry.folder for entry in settings.recent] == expected
    settings.forget_project("3")
    assert all(entry.folder != "3" for entry in settings.recent)
