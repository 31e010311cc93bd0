"""The import rules of the structure, read from the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dubbing.registry import BUILT_IN

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "whisperx", "pyannote", "transformers", "onnxruntime", "onnx", "streamlit", "TTS", "cv2", "av",
         "ai_edge_litert", "faster_whisper", "ctranslate2", "librosa", "scipy", "moviepy", "ray"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether it is imported at the top level) for every import in a file, TYPE_CHECKING ones left out."""
    tree = ast.parse(path.read_text())
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    typing_only = {child for node in guarded for child in ast.walk(node)}
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide what depends on what"
            module = node.module or ""
            yield module, node in tree.body
            yield from ((f"{module}.{alias.name}", node in tree.body) for alias in node.names)


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def is_under(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("path", files("dubbing/domain"), ids=str)
def test_the_domain_imports_the_standard_library_only(path: Path) -> None:
    for module, _ in imports(path):
        assert module.split(".")[0] in sys.stdlib_module_names or is_under(module, "dubbing.domain"), module


@pytest.mark.parametrize("path", files("dubbing/pipeline"), ids=str)
def test_the_pipeline_knows_no_engine_and_no_database(path: Path) -> None:
    allowed = ("dubbing.domain", "dubbing.engines.base", "dubbing.media", "dubbing.pipeline", "dubbing.errors",
               "dubbing.exchange")
    for module, _ in imports(path):
        if is_under(module, "dubbing", "lipsync_core", "ui") and module not in ("dubbing", "dubbing.engines"):
            assert is_under(module, *allowed), module


@pytest.mark.parametrize("path", files("dubbing/qc"), ids=str)
def test_checks_know_the_domain_alone(path: Path) -> None:
    for module, _ in imports(path):
        if is_under(module, "dubbing", "lipsync_core", "ui") and module not in ("dubbing", "dubbing.engines"):
            assert is_under(module, "dubbing.domain", "dubbing.engines.base", "dubbing.qc"), module


def test_a_concrete_engine_is_imported_by_its_own_kind_or_the_registry_alone() -> None:
    engines = {target.partition(":")[0] for kind in BUILT_IN.values() for name, target in kind.items()
               if name != "fake"}
    for path in files("dubbing") + files("ui"):
        home = path.relative_to(ROOT).parts
        for module, _ in imports(path):
            if module in engines and home[-1] != "registry.py":
                assert home[:3] == tuple(module.split(".")[:3]), f"{path} imports {module}"


def test_lipsync_core_stands_alone_and_has_one_importer() -> None:
    for path in files("lipsync_core"):
        for module, _ in imports(path):
            assert not is_under(module, "dubbing", "ui", "samples"), f"{path} imports {module}"
    for path in files("dubbing") + files("ui"):
        if not path.is_relative_to(ROOT / "dubbing/engines/lipsync"):
            for module, _ in imports(path):
                assert not is_under(module, "lipsync_core"), f"{path} imports {module}"


def test_the_ui_imports_the_api_and_the_domain_only() -> None:
    allowed = ("dubbing.api", "dubbing.domain", "dubbing.errors", "dubbing.config")
    for path in files("ui"):
        for module, _ in imports(path):
            assert not is_under(module, "tests", "sqlalchemy", "alembic", *HEAVY - {"streamlit"}), f"{path}: {module}"
            if is_under(module, "dubbing"):
                assert module == "dubbing" or is_under(module, *allowed), f"{path}: {module}"


def test_only_the_ui_imports_streamlit() -> None:
    for path in files("dubbing") + files("lipsync_core"):
        for module, _ in imports(path):
            assert not is_under(module, "streamlit", "ui", "starlette", "uvicorn"), f"{path}: {module}"


def test_the_pages_import_no_model_library() -> None:
    """Everything that any page imports; how long it takes is the bench's to say (``python -m scripts.ui_bench``)."""
    pages = [f"ui.pages.{path.stem}" for path in files("ui/pages") if path.stem != "__init__"]
    code = (f"import sys, ui.app; [__import__(page) for page in {pages!r}]; "
            f"print(sorted(set(m.split('.')[0] for m in sys.modules) & {HEAVY - {'streamlit'}!r}))")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_engines_import_model_libraries_in_load_only() -> None:
    """Listing every engine costs no model library."""
    code = ("import sys; from dubbing import registry; "
            "[registry.create(kind, name) for kind in registry.KINDS for name in registry.names(kind)]; "
            f"print(sorted(set(m.split('.')[0] for m in sys.modules) & {HEAVY!r}))")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_help_imports_no_model_library() -> None:
    code = ("import sys, dubbing.cli, dubbing.api; "
            f"print(sorted(set(m.split('.')[0] for m in sys.modules) & {HEAVY!r}))")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
