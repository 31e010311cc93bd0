"""One typed Settings: DUBBING_* variables over a settings file over defaults."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from dubbing.errors import UsageError


def settings_file() -> Path:
    """Where the settings file is looked for (``DUBBING_SETTINGS_FILE`` names another)."""
    default = platformdirs.user_config_path("dubbing") / "settings.toml"
    return Path(os.environ.get("DUBBING_SETTINGS_FILE", default))


class Settings(BaseSettings):
    """Everything that can be configured; the name in the environment is ``DUBBING_`` plus the field's."""

    model_config = SettingsConfigDict(env_prefix="DUBBING_", extra="ignore")

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("dubbing"),
                       description="folder of the database, projects and artifacts")
    cache: Path = Field(default_factory=lambda: platformdirs.user_cache_path("dubbing") / "models",
                        description="folder of the fetched weights")
    database_url: str = Field(default="", description="any SQLAlchemy URL; empty: SQLite in home")
    offline: bool = Field(default=False, description="never touch the network")
    commercial_only: bool = Field(default=False, description="refuse weights that forbid commercial use")
    threads: int = Field(default=0, ge=0, description="CPU threads of the models; 0: all cores")
    recognizer: str = Field(default="auto", description="engine that writes down what is said")
    diarizer: str = Field(default="auto", description="engine that tells speakers apart")
    translator: str = Field(default="auto", description="engine that translates")
    synthesizer: str = Field(default="auto", description="engine that speaks")
    separator: str = Field(default="auto", description="engine that takes speech out of the sound")
    lipsync: str = Field(default="auto", description="engine that repaints mouths; off: none")
    recognition_model: str = Field(default="auto", description="Whisper model: a name such as large-v3, turbo, base, "
                                                               "or a folder in CTranslate2's form")
    openai_url: str = Field(default="", description="base address of an OpenAI-compatible server that translates, "
                                                    "such as http://localhost:11434/v1; empty: none")
    openai_model: str = Field(default="", description="the model that this server is asked for")
    openai_key: SecretStr = Field(default=SecretStr(""), description="the key of this server; only from the "
                                                                     "environment or the settings file")
    hub_token: SecretStr = Field(default=SecretStr(""), description="token of the model hub, for models behind terms")
    memory_budget_gb: float = Field(default=0.0, ge=0, description="memory that loaded models may take, in GB; 0: "
                                                                   "three quarters of what is free")
    wav2lip_checkpoint: Path | None = Field(default=None, description="Wav2Lip's weights, for the engine wav2lip")
    wav2lip_detail: bool = Field(default=False, description="lay the speaker's own teeth and texture over Wav2Lip's")
    import_folders: Annotated[list[Path], NoDecode] = Field(
        default_factory=list, description="folders whose files may become projects without an upload")
    upload_limit_gb: float = Field(default=200.0, gt=0, description="largest file that is taken, in GB")
    disk_reserve_gb: float = Field(default=2.0, ge=0, description="space that uploads leave free, in GB")
    deleted_days: int = Field(default=30, ge=1, description="days until a deleted project is purged")
    upload_days: int = Field(default=7, ge=1, description="days until an upload that nobody used is removed")
    export_days: int = Field(default=0, ge=0, description="days until an export's file is removed; 0: never")
    single_user: bool = Field(default=False, description="no accounts: whoever reaches the workspace may do everything")
    oidc_email: Literal["verified", "trusted", "ignored"] = Field(
        default="verified", description="which e-mail addresses of an OpenID provider lead to an account that an "
                                        "administrator made: verified ones, all, or none")
    oidc_domains: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="e-mail domains whose people may ask for an account by OpenID; empty: all")

    @field_validator("import_folders", mode="before")
    @classmethod
    def _as_folders(cls, value: object) -> object:
        """In the environment, folders are written as in PATH."""
        return [part for part in value.split(os.pathsep) if part.strip()] if isinstance(value, str) else value

    @field_validator("oidc_domains", mode="before")
    @classmethod
    def _as_domains(cls, value: object) -> object:
        """In the environment, domains are separated by commas."""
        parts = value.split(",") if isinstance(value, str) else value
        return [str(part).strip().lower() for part in parts if str(part).strip()] if isinstance(parts, list) else value

    @classmethod
    def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())

    @property
    def url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'dubbing.db'}"

    @property
    def cpu_threads(self) -> int:
        return self.threads or os.cpu_count() or 1


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process; a bad value is a UsageError that names it."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"The setting {name} is not valid: {first['msg']}.",
                         f"Correct DUBBING_{name.upper()} or {settings_file()}.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"The settings file cannot be read: {error}.", f"Correct {settings_file()}.") from error
