"""The pages of the window, in the order in which data travels."""

from __future__ import annotations

import msgspec


class PageRecord(msgspec.Struct, frozen=True):
    """A page: its name, the word in the sidebar, its icon, and the class that makes it ("module:Class")."""

    name: str
    title: str
    icon: str
    made_by: str


START = PageRecord("start", "Start", "ph.house", "gui.pages.start:StartPage")
PAGES = (
    PageRecord("data", "Data", "ph.squares-four", "gui.pages.data:DataPage"),
    PageRecord("model", "Model", "ph.tree-structure", "gui.pages.model:ModelPage"),
    PageRecord("train", "Train", "ph.chart-line-up", "gui.pages.train:TrainPage"),
    PageRecord("check", "Check", "ph.target", "gui.pages.check:CheckPage"),
    PageRecord("use", "Use", "ph.camera", "gui.pages.use:UsePage"),
)
BY_NAME = {record.name: record for record in (START, *PAGES)}
FREE_PAGES = ("start", "use")
"""Pages that need no project."""
