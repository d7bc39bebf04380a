from engine.messages import ClassesChanged, HistoryChanged
from engine.project.records import ClassRecord
from gui.pages.page import Page


class Probe(Page):
    name, title = "probe", "Probe"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen = []

    def render(self, state, changed):
        self.seen.append((state, changed))


def test_a_page_renders_only_when_shown_and_only_what_changed(qtbot, bridge, host, settings):
    page = Probe(bridge, settings)
    qtbot.addWidget(page)
    host.emit(HistoryChanged(undo="label 3 pictures", redo=""))
    bridge.tick()
    assert page.seen == []
    page.show()
    assert page.seen[-1][0].history.undo == "label 3 pictures"
    assert "runs" in page.seen[-1][1]
    host.emit(ClassesChanged(classes=(ClassRecord(1, "cat", "#e69f00"),)))
    bridge.tick()
    bridge.tick()
    assert len(page.seen) == 2
    assert page.seen[-1][1] == {"classes"}
