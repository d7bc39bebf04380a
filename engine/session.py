"""Runs one command at a time for whoever asks: run(command, token, emit). Starts no thread.

The table below names the function that carries each command out; its module loads when it is first needed,
so that a label never waits for torch. Every such function is `function(session, command, token, emit)`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from engine import messages
from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import Command, Event

if TYPE_CHECKING:
    from engine.live.classifying import LiveModel
    from engine.project.opened import OpenedProject
    from engine.training.steering import Steering

T = TypeVar("T")
Emit = Callable[[Event], None]

HANDLERS: dict[type[Command], tuple[str, str]] = {
    messages.OpenProject: ("engine.project.handling", "open_project"),
    messages.NewProject: ("engine.project.handling", "new_project"),
    messages.OpenSample: ("engine.project.handling", "open_sample"),
    messages.CloseProject: ("engine.project.handling", "close_project"),
    messages.SetLabels: ("engine.project.handling", "set_labels"),
    messages.AddClass: ("engine.project.handling", "add_class"),
    messages.RenameClass: ("engine.project.handling", "rename_class"),
    messages.RemoveImages: ("engine.project.handling", "remove_images"),
    messages.Undo: ("engine.project.handling", "undo"),
    messages.Redo: ("engine.project.handling", "redo"),
    messages.Remember: ("engine.project.handling", "remember"),
    messages.LoadHistory: ("engine.project.handling", "load_history"),
    messages.DeleteRun: ("engine.project.run_changes", "delete_run"),
    messages.PinUnit: ("engine.project.handling", "pin_unit"),
    messages.LabelEach: ("engine.project.handling", "label_each"),
    messages.SetSplits: ("engine.project.handling", "set_splits"),
    messages.SetFlags: ("engine.project.handling", "set_flags"),
    messages.SetNote: ("engine.project.handling", "set_note"),
    messages.DeleteClass: ("engine.project.handling", "delete_class"),
    messages.MergeClasses: ("engine.project.handling", "merge_classes"),
    messages.MoveClass: ("engine.project.handling", "move_class"),
    messages.ColourClass: ("engine.project.handling", "colour_class"),
    messages.SetClassKey: ("engine.project.handling", "set_class_key"),
    messages.Divide: ("engine.project.handling", "divide"),
    messages.RecordFrames: ("engine.live.recording", "record_frames"),
    messages.CheckFiles: ("engine.project.files", "check_files"),
    messages.Relink: ("engine.project.files", "relink"),
    messages.KeepFiles: ("engine.project.files", "keep_files"),
    messages.SaveCopy: ("engine.project.files", "save_copy"),
    messages.Export: ("engine.project.exporting", "export"),
    messages.ImportAddresses: ("engine.project.fetching", "import_addresses"),
    messages.ImportSet: ("engine.project.fetching", "import_set"),
    messages.Examine: ("engine.doctor.examine", "examine"),
    messages.ScoreImages: ("engine.evaluation.scoring", "score_images"),
    messages.SuggestLabels: ("engine.live.suggesting", "suggest_labels"),
    messages.PreviewInput: ("engine.data.previewing", "preview_input"),
    messages.ImportPaths: ("engine.project.importing", "import_paths"),
    messages.ImportPicture: ("engine.project.importing", "import_picture"),
    messages.WantThumbnails: ("engine.project.pictures", "want_thumbnails"),
    messages.WantPicture: ("engine.project.pictures", "want_picture"),
    messages.Train: ("engine.training.train", "train"),
    messages.SteerTraining: ("engine.training.steering", "steer_training"),
    messages.ResumeRun: ("engine.training.resuming", "resume_run"),
    messages.ForkRun: ("engine.training.resuming", "fork_run"),
    messages.FindBatch: ("engine.training.batch_finder", "find_batch"),
    messages.FindLearningRate: ("engine.training.rate_finder", "find_learning_rate"),
    messages.PackRun: ("engine.training.pack_run", "pack_run"),
    messages.AddRun: ("engine.training.add_run", "add_run"),
    messages.LoadMoment: ("engine.training.moments", "load_moment"),
    messages.LoadStatistics: ("engine.training.kept_statistics", "load_statistics"),
    messages.EditRun: ("engine.project.run_changes", "edit_run"),
    messages.RestoreRun: ("engine.project.run_changes", "restore_run"),
    messages.CombineRuns: ("engine.training.ensembles", "combine_runs"),
    messages.WriteReport: ("engine.evaluation.report", "write_report"),
    messages.Evaluate: ("engine.evaluation.evaluate", "evaluate"),
    messages.UseRun: ("engine.live.classifying", "use_run"),
    messages.ClassifyFiles: ("engine.live.classifying", "classify_files"),
    messages.ClassifyPicture: ("engine.live.classifying", "classify_picture"),
    messages.ClassifyImages: ("engine.live.classifying", "classify_images"),
    messages.ShowFeatureMaps: ("engine.insight.probing", "show_feature_maps"),
    messages.ProbeUnit: ("engine.insight.probing", "probe_unit"),
    messages.ListCameras: ("engine.live.camera", "list_cameras"),
    messages.OpenCamera: ("engine.live.camera", "open_camera"),
    messages.SaveNetwork: ("engine.project.networks", "save_network"),
    messages.DeleteNetwork: ("engine.project.networks", "delete_network"),
    messages.ReadNetwork: ("engine.project.networks", "read_network"),
    messages.ListLibraries: ("engine.networks.libraries", "list_libraries"),
    messages.DescribeNetwork: ("engine.networks.libraries", "describe_network"),
    messages.CheckWeights: ("engine.networks.weights", "check_weights"),
    messages.ProbeTraining: ("engine.training.probing", "probe_training"),
    messages.MakeLauncher: ("engine.launcher", "answer_make_launcher"),
}


class Session:
    """What the lanes share.

    Attributes
    ----------
    project : OpenedProject or None
        The open project. Its `snapshot` may be read from any lane; its store is written in the store lane alone.
    live : LiveModel or None
        The model that classifies dropped pictures and camera frames, set by UseRun.
    pinned : PinUnit or None
        The unit that trainings probe after every epoch.
    steering : Steering or None
        The wishes for the training that is under way.
    recording : RecordFrames or None
        Whether the camera's frames are taken into the project, and as what; set by RecordFrames.
    in_store : callable
        Runs a function in the store lane and gives its result; other lanes write through it. Without a host it runs at once.
    backlog : callable
        Number of events that nobody has taken yet; a camera skips frames while it is large.
    """

    def __init__(self) -> None:
        self.project: OpenedProject | None = None
        self.live: LiveModel | None = None
        self.pinned: messages.PinUnit | None = None
        self.steering: Steering | None = None
        self.recording: messages.RecordFrames | None = None
        self.in_store: Callable[[Callable[[], Any]], Any] = lambda function: function()
        self.backlog: Callable[[], int] = lambda: 0

    def run(self, command: Command, token: CancelToken, emit: Emit) -> None:
        """Carry a command out; events go to `emit`, exceptions to the caller."""
        module, function = HANDLERS[type(command)]
        getattr(importlib.import_module(module), function)(self, command, token, emit)

    def tell_runs(self, project: OpenedProject, emit: Emit) -> None:
        """Tell which runs a project has, if it is still the open one."""
        if self.project is project:
            emit(messages.RunsChanged(runs=self.in_store(project.runs)))

    def opened(self) -> OpenedProject:
        """The open project.

        Raises
        ------
        UserError
            If no project is open.
        """
        if self.project is None:
            raise UserError("No project is open.", "Open one on the start page first.")
        return self.project
