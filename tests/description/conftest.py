"""The description as a file, for the programs that read it."""

import json
from pathlib import Path

import pytest

from switch.base.settings import Settings
from switch.processes.app import make_app


@pytest.fixture(scope="session")
def description(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document of a switch with every operation."""
    folder = tmp_path_factory.mktemp("description")
    app = make_app(Settings(data=folder, sandbox=True))
    (folder / "openapi.json").write_text(json.dumps(app._app.openapi()))
    return folder / "openapi.json"
