"""What is published is what is meant to be: names, docstrings, the wheel, and an import that loads nothing heavy."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import memgarden

ROOT = Path(__file__).parents[1]
HEAVY = (
    "chromadb",
    "onnxruntime",
    "tokenizers",
    "torch",
    "sqlalchemy",
    "langchain",
    "langchain_core",
    "llama_index",
    "scipy",
)


@pytest.mark.parametrize("package", ["memgarden", "langchain_memgarden", "llama_index_memgarden"])
def test_public_names_are_sorted_and_documented(package: str) -> None:
    """`__all__` is the whole of it; every name, public method and property says what holds."""
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(module.__all__) and module.__doc__
    for name in set(module.__all__) - {"__version__"}:
        value = getattr(module, name)
        assert inspect.getdoc(value), name
        for method, member in vars(value).items():
            if not method.startswith("_") and (inspect.isroutine(member) or isinstance(member, property)):
                assert inspect.getdoc(getattr(value, method)), f"{name}.{method}"


def test_every_module_function_and_class_says_what_it_is_for() -> None:
    """Public ones of the core, however deep."""
    for info in pkgutil.walk_packages(memgarden.__path__, "memgarden."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        assert module.__doc__, info.name
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isroutine(value) or inspect.isclass(value):
                assert value.__doc__, f"{info.name}.{name}"


def test_importing_loads_nothing_heavy() -> None:
    """Neither a database driver nor a model nor a framework, and no part of Chroma."""
    code = "import sys, json, memgarden; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert [name for name in HEAVY if name in loaded] == []


def test_opening_and_searching_without_writing_never_imports_chroma(tmp_path: Path) -> None:
    """It costs 1.2 s and 76 MB; even writing leaves it to another process. Nor another's dialect, nor upkeep."""
    code = (
        "import sys\nfrom memgarden import Garden\n"
        "with Garden.open(sys.argv[1], embedder='hashing') as g:\n"
        "    g.scope('a').add('x'); g.scope('a').search('x')\n"
        "print(*sys.modules, sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "g")], capture_output=True, check=True, text=True)
    unused = {"chromadb", "onnxruntime", "sqlalchemy.dialects.postgresql", "memgarden.maintain", "tomllib"}
    assert unused & set(run.stdout.split()) == set()


def test_a_name_that_is_imported_when_named_is_there_for_completion_and_a_wrong_one_is_not() -> None:
    """In a new process, which imported none of them."""
    code = "import memgarden; print('Retention' in vars(memgarden), 'Retention' in dir(memgarden), memgarden.Retention)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.split(maxsplit=2) == ["False", "True", "<class 'memgarden.maintain.policy.Retention'>\n"]
    with pytest.raises(AttributeError, match="no attribute 'Retentions'"):
        memgarden.Retentions  # noqa: B018


def test_the_wheel_holds_three_packages_and_their_data(tmp_path: Path) -> None:
    """`core` is a folder and no package; the vocabulary, the demo's texts and the type markers go along."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if "dist-info" not in name}
    assert tops == {"memgarden", "langchain_memgarden", "llama_index_memgarden"}
    for needed in ("embed/vocab.txt", "demo/chat.jsonl", "demo/questions.json", "py.typed", "cli/__init__.py"):
        assert f"memgarden/{needed}" in names
    assert sum(name.startswith("memgarden/demo/documents/") for name in names) >= 10
    assert not (ROOT / "core" / "__init__.py").exists()


def test_the_sdist_holds_the_examples(tmp_path: Path) -> None:
    """What the README measures is there for whoever has the sources."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], cwd=ROOT, check=True)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as held:
        names = {name.partition("/")[2] for name in held.getnames()}
    assert {f"examples/data/garden-chat/{name}" for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")} <= names
