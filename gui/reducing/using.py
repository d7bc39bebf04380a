"""Looking into runs and using them: answers, feature maps, cameras."""

from __future__ import annotations

from engine import messages
from gui.reducing.registry import on, with_
from gui.reducing.training import of_training
from gui.state import CLASSIFIED_KEPT, AnswersCleared, AppState, CameraState


@on(messages.ModelReady)
def _model_ready(event: messages.ModelReady, state: AppState) -> AppState:
    return with_(state, model=event)


@on(messages.Classified)
def _classified(event: messages.Classified, state: AppState) -> AppState:
    kept = state.classified
    if event.image >= 0:  # of the project's own pictures only the newest answer is shown anywhere, and each holds a picture
        kept = tuple(answer for answer in kept if answer.image < 0)
    return with_(state, classified=(event, *kept)[:CLASSIFIED_KEPT])


@on(AnswersCleared)
def _answers_cleared(event: AnswersCleared, state: AppState) -> AppState:
    return with_(state, classified=())


@on(messages.FeatureMapsReady)
def _feature_maps_ready(event: messages.FeatureMapsReady, state: AppState) -> AppState:
    return with_(state, feature_maps=event)


@on(messages.UnitProbed)
def _unit_probed(event: messages.UnitProbed, state: AppState) -> AppState:
    if event.epoch:
        return of_training(state, event.run, unit=event)
    return with_(state, unit=event)


@on(messages.CamerasFound)
def _cameras_found(event: messages.CamerasFound, state: AppState) -> AppState:
    return with_(state, cameras=event.cameras)


@on(messages.CameraOpened)
def _camera_opened(event: messages.CameraOpened, state: AppState) -> AppState:
    return with_(state, camera=CameraState(opened=event))


@on(messages.CameraFrame)
def _camera_frame(event: messages.CameraFrame, state: AppState) -> AppState:
    camera = state.camera
    if camera.opened is None or camera.opened.job != event.job:
        return state
    return with_(state, camera=CameraState(camera.opened, event))


@on(messages.CameraClosed)
def _camera_closed(event: messages.CameraClosed, state: AppState) -> AppState:
    camera = state.camera
    if camera.opened is not None and camera.opened.job != event.job:
        return state
    return with_(state, camera=CameraState(frame=camera.frame, reason=event.reason))
