"""Where Fovea keeps what belongs to the user: projects, settings, log. FOVEA_HOME puts all of it into one folder."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def projects() -> Path:
    """The folder in which new projects are made."""
    home = os.environ.get("FOVEA_HOME")
    return Path(home) / "projects" if home else Path(platformdirs.user_documents_dir()) / "Fovea"


def settings() -> Path:
    """The folder of the window's settings."""
    home = os.environ.get("FOVEA_HOME")
    return Path(home) / "settings" if home else Path(platformdirs.user_config_dir("Fovea", appauthor=False))


def log_file() -> Path:
    """The log."""
    home = os.environ.get("FOVEA_HOME")
    return (Path(home) if home else Path(platformdirs.user_log_dir("Fovea", appauthor=False))) / "fovea.log"


def sets() -> Path:
    """The folder of standard sets, as they were fetched."""
    home = os.environ.get("FOVEA_HOME")
    return (Path(home) if home else Path(platformdirs.user_data_dir("Fovea", appauthor=False))) / "sets"


def cache() -> Path:
    """What can be made again: thumbnails, decoded pixels."""
    home = os.environ.get("FOVEA_HOME")
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir("Fovea", appauthor=False))
