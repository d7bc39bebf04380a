"""What browsers and file managers drag: files, pictures, addresses."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QImage

from gui.dropped import addresses_of, may_hold, name_in, read
from gui.widgets.picture_model import mime_of


def mime(urls=(), html="", text="", image=False) -> QMimeData:
    made = QMimeData()
    if urls:
        made.setUrls([QUrl(url) for url in urls])
    if html:
        made.setHtml(html)
    if text:
        made.setText(text)
    if image:
        picture = QImage(3, 2, QImage.Format.Format_RGB32)
        picture.fill(0x102030)
        made.setImageData(picture)
    return made


def test_files_come_first():
    found = read(mime(["file:///tmp/a.zip", "file:///tmp/b.csv"], image=True))
    assert found.paths == ("/tmp/a.zip", "/tmp/b.csv") and found.image is None


def test_a_picture_is_better_than_its_address_and_gets_its_name():
    found = read(mime(["https://example.org/red%20fox.jpg?x=1"], image=True))
    assert found.addresses == () and found.name == "red fox.jpg" and found.pixels().tolist()[0][0] == [0x10, 0x20, 0x30]


def test_a_linked_picture_is_taken_and_not_the_page_that_it_leads_to():
    html = '<meta charset="utf-8"><a href="https://example.org/page"><img alt="x" src="https://cdn.example.org/fox.webp"></a>'
    assert addresses_of(mime(["https://example.org/page"], html)) == ("https://cdn.example.org/fox.webp",)


def test_addresses_come_as_list_as_data_and_as_text():
    assert addresses_of(mime(["https://a.org/1.png", "http://a.org/2.png", "ftp://a.org/3.png"])) == (
        "https://a.org/1.png",
        "http://a.org/2.png",
    )
    data = "data:image/png;base64,iVBORw0KGgo="
    assert addresses_of(mime(html=f'<img src="{data}">')) == (data,)
    assert addresses_of(mime(text=" https://a.org/1.png \nhttps://a.org/1.png\nand words https://a.org/2.png")) == ("https://a.org/1.png",)


@pytest.mark.parametrize(
    "what",
    [
        mime(),
        mime(text="just words"),
        mime(html="<b>bold</b>"),
        mime(html='<img src="file:///etc/passwd">'),
        mime(html="<img src=<<<'\""),
        mime_of((1, 2)),
    ],
)
def test_what_is_no_picture_is_nothing(what):
    assert read(what).nothing and not may_hold(what)


def test_the_projects_own_pictures_are_not_imported_again():
    own = mime_of((10, 11))
    own.setUrls([QUrl("file:///tmp/a.png")])
    assert not may_hold(own) and read(own).nothing


@pytest.mark.parametrize(
    ("address", "name"),
    [("https://a.org/b/%D0%BA%D0%BE%D1%82.png", "кот.png"), ("https://a.org/", ""), ("data:image/png;base64,AA", ""), ("https://[bad", "")],
)
def test_names_of_addresses(address, name):
    assert name_in(address) == name
