"""Every test has a data folder of its own; the cache of verified weights is shared with the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, and no example fails because a machine is busy.
settings.register_profile("ours", deadline=None, derandomize=True)
settings.load_profile("ours")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``DUBBING_HOME`` in a temporary folder, and no settings file of the person who runs the tests."""
    from dubbing import registry
    from dubbing.config import load_settings

    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DUBBING_HOME", str(home))
    monkeypatch.setenv("DUBBING_SETTINGS_FILE", str(home / "no-settings.toml"))
    load_settings.cache_clear()
    # An engine keeps the settings that it was made under.
    registry.create.cache_clear()
    return home


@pytest.fixture(scope="session")
def media() -> Path:
    """Real talking heads, where the person who runs the tests has them beside the repository."""
    folder = REPOSITORY.parent / "shared" / "media"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/media with real clips is not here")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The clips that we made ourselves."""
    return REPOSITORY / "samples"
