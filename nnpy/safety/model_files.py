"""Opening a model that somebody sent, without running their code or filling the memory.

Only `.keras` files are opened, always in Keras's safe mode, and only after this module has read
the archive itself: its members, its config and the shapes of its weights. What is known of such
attacks is told by Keras's own security advisories (CVE-2025-1550 and those after it).
"""

from __future__ import annotations

import io
import math
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nnpy.errors import ModelError
from nnpy.safety import config_extent
from nnpy.safety.tensorflow_initializers import is_of_tensorflow
from nnpy.storage.regular import open_regular
from nnpy.text import size_in_words

RECORD = "nnpy.json"  # what nnpy itself adds: see nnpy/models/saved.py
RECORD_LIMIT = 8 << 20  # the vocabularies of a table are part of it
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_SMALL, _EXPANSION = 64 << 20, 10  # content may take this many bytes, or times what is stored
_AXIS = 1 << 24  # the longest axis of an input
# What costs HDF5 time for each, whatever it holds. NASNetLarge, the largest of
# keras.applications, has 3,000 weights.
_MEMBERS, _DIRECTORY = 1_000, 1 << 20  # files in the archive, and bytes of its directory
_VARIABLE = re.compile(r"(^|/)vars/\d+$")  # the name of a layer's weights
_LINKS, _LINK_DEPTH = 50_000, 60  # names in the weights
# Arguments by which a few bytes ask for any amount of memory, though not for weights.
_GREEDY = {"num_thresholds": 1 << 16, "fft_length": 1 << 14, "num_mel_bins": 1 << 14}
_LONGEST = 500  # characters of Keras's own reason
_KERAS = (3, 15, 1)  # the first release with every known fix for loading a foreign file

_MODELS = ("Sequential", "Functional", "Model")  # Keras's own

# What Keras writes for things that are no objects of a class.
_DATA = {
    *("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"),
}
# The modules of Keras whose functions may stand in a model.
_FUNCTIONS = {
    *("activations", "losses", "metrics", "ops", "random"),
    *("initializers", "regularizers", "constraints"),
}
_REFUSED = {
    "Lambda": "a Lambda layer carries Python code; write the layer in a Python file instead",
    "__lambda__": "a lambda carries Python code; write the function in a Python file instead",
    "__typespec__": "a TensorFlow type specification can name any class",
    "TFSMLayer": "a TFSMLayer runs whatever program another folder holds",
    "TorchModuleWrapper": "a TorchModuleWrapper is stored as a pickle, which can run any code",
    "JaxLayer": "a JaxLayer runs code from outside of Keras",
    "FlaxLayer": "a FlaxLayer runs code from outside of Keras",
}
_FOREIGN = [  # how a file begins, what it is then, and why it stays closed
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file; that old format may carry code that is run on opening"),
    (b"\x80", "a pickle, which can run any code on opening"),
    (b"PK\x05\x06", "an empty archive"),
]


def open_model(
    path: str | Path, custom_objects: Mapping[str, Any] | None = None, *, compile: bool = True
) -> Any:
    """The `keras.Model` in a `.keras` file, if it is safe to open.

    `custom_objects` are the classes and functions of the user's own code, by name; what that
    code has registered with Keras is known too. Raises `ModelError` that says why if the file
    is not whole, not a model, or could do harm.
    """
    path = Path(path)
    config, stored = inspect(path, custom_objects, compile=compile)
    import keras

    release = keras.__version__.split(".")[:3]
    if tuple(int("".join(filter(str.isdigit, part)) or 0) for part in release) < _KERAS:
        raise ModelError(
            f"Keras {keras.__version__} has known holes in loading models; "
            f"nnpy needs {'.'.join(map(str, _KERAS))} or newer (pip install -U keras)"
        )
    from nnpy.safety import loading

    try:
        model = loading.load(path, custom_objects or {}, stored=stored, compile=compile)
    except loading.TooMuch as error:
        raise _refused(path, str(error)) from error
    except Exception as error:
        raise ModelError(f"{path} cannot be opened as a model: {_reason(error)}") from error
    if not isinstance(model, keras.Model):  # of the user's own code
        raise _refused(path, f"it holds a {config['class_name']}, not a model")
    return model


def inspect(
    path: str | Path, custom_objects: Mapping[str, Any] | None = None, *, compile: bool = True
) -> tuple[dict[str, Any], int]:
    """The config of the model in `path` and the bytes of its weights, when nothing is wrong.

    Raises `ModelError` as `open_model` does; builds nothing. Without `compile` nobody looks at
    how the model was compiled, so that it may name what nobody knows.
    """
    path = Path(path)
    _check_kind(path)
    try:
        with _archive(path) as archive:
            _check_members(path, archive)
            config = config_extent.read(archive.read(_CONFIG))
            _check_weights(path, archive)
            stored = archive.getinfo(_WEIGHTS).file_size
        config_extent.check(config)
    except config_extent.TooLarge as error:
        raise _refused(path, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"its {_CONFIG} cannot be read ({_first_line(error)})") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ModelError(f"{path} is damaged: {_first_line(error)}") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise _refused(path, f"its {_CONFIG} does not describe a model")
    if str(config.get("module")).startswith("keras") and config["class_name"] not in _MODELS:
        raise _refused(path, f"it holds a {config['class_name']!s:.50}, not a model")
    opened = config if compile else {**config, "compile_config": None}
    _check_objects(path, opened, custom_objects or {})
    return config, stored


def _check_kind(path: Path) -> None:
    """Raise `ModelError` unless the file is an archive with the right suffix."""
    try:
        with open_regular(path) as file:
            begin = file.read(8)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise _refused(path, "it is a folder; nnpy opens single .keras files") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    for magic, reason in _FOREIGN:
        if begin.startswith(magic):
            raise _refused(path, f"it is {reason}; save the model as .keras where it was made")
    if path.suffix != ".keras":
        raise _refused(path, f"only .keras files are opened, not '{path.suffix or path.name}'")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is damaged or not a model: a .keras file is a zip archive")


def _archive(path: Path) -> zipfile.ZipFile:
    """The archive; its directory is not read when it is longer than any model's."""
    file = _Guarded(path)
    archive = zipfile.ZipFile(file)
    file.limit = None
    return archive


class _Guarded(io.FileIO):
    """A file that gives at most `limit` bytes at a time, as long as there is a limit."""

    limit: int | None = _DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if self.limit is not None and size is not None and size > self.limit:
            raise zipfile.BadZipFile(f"its directory has more than {size_in_words(self.limit)}")
        return super().read(-1 if size is None else size) or b""


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise `ModelError` for names, kinds and sizes that no archive of Keras has."""
    members = archive.infolist()
    if len(members) > _MEMBERS:
        raise _refused(path, f"it has {len(members):,} members, as no model does")
    names = [member.filename for member in members]
    for name in names:
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/") or "\\" in name or ":" in name or "\0" in name:
            raise _refused(path, f"its member {name!r} points out of the archive")
        if name not in (_CONFIG, _METADATA, _WEIGHTS, RECORD) and parts[:1] != ("assets",):
            raise _refused(path, f"its member {name!r} is none that Keras writes")
    if len(set(names)) < len(names):
        raise _refused(path, "it has two members of the same name")
    if missing := {_CONFIG, _WEIGHTS} - set(names):
        raise ModelError(f"{path} is not a model: it has no {' and no '.join(sorted(missing))}")
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(path, f"its member {member.filename!r} is a link")
        if member.flag_bits & 1:
            raise _refused(path, f"its member {member.filename!r} is encrypted")
        if _bomb(member.file_size, member.compress_size):
            raise _refused(
                path,
                f"its member {member.filename!r} unpacks from "
                f"{size_in_words(member.compress_size)} to {size_in_words(member.file_size)}, as "
                f"no model does",
            )
    if RECORD in names and archive.getinfo(RECORD).file_size > RECORD_LIMIT:
        raise _refused(path, f"its {RECORD} has more than {size_in_words(RECORD_LIMIT)}")
    if archive.getinfo(_CONFIG).file_size > config_extent.LIMIT:
        raise _refused(path, f"its {_CONFIG} has more than {size_in_words(config_extent.LIMIT)}")
    size = path.stat().st_size
    if sum(member.compress_size for member in members) > size:
        raise _refused(path, "its members lie on top of one another")
    if _bomb(sum(member.file_size for member in members), size):
        raise _refused(path, "it unpacks to far more than it holds, as no model does")


def weights_in(path: Path, custom_objects: Mapping[str, Any] | None = None) -> bytes:
    """The HDF5 file of weights in a `.keras` file that `inspect` finds nothing wrong with."""
    inspect(path, custom_objects, compile=False)
    with _archive(path) as archive:
        return archive.read(_WEIGHTS)


def check_hdf5(path: Path, file: Any) -> None:
    """Raise `ModelError` for an open HDF5 file that is no plain file of weights."""
    try:
        _check_names(path, file, path.stat().st_size)
    except ModelError:
        raise
    except Exception as error:  # of a damaged file h5py raises anything
        raise ModelError(f"{path} is damaged: {_first_line(error)}") from error


def _check_weights(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise `ModelError` for weights that lie elsewhere, or claim more room than they take."""
    import h5py

    content = archive.read(_WEIGHTS)
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _check_names(path, file, len(content))
    except ModelError:
        raise
    except Exception as error:  # of a damaged file h5py raises anything, a SystemError too
        raise ModelError(
            f"{path} is damaged: its weights cannot be read ({_first_line(error)})"
        ) from error


def _check_names(path: Path, file: Any, size: int) -> None:
    """Look at every name in an HDF5 file of `size` bytes, as `_check_weights`."""
    import h5py

    total = 0
    links: list[tuple[str, Any]] = []

    def visit(name: str, link: Any) -> bool | None:
        links.append((name, link))
        return True if len(links) > _LINKS or name.count("/") > _LINK_DEPTH else None

    if file.visititems_links(visit):  # it has ended early
        raise _refused(path, "its weights have more names, or deeper ones, than any model's")
    for name, link in links:
        if not isinstance(link, h5py.HardLink):
            raise _refused(path, f"its weights {name!r} are a link to another place")
        item = file[name]
        if not isinstance(item, h5py.Dataset):
            continue
        if item.external or item.is_virtual:
            raise _refused(path, f"its weights {name!r} lie in another file")
        if item.dtype.kind == "c":
            raise _refused(path, f"its weights {name!r} are complex, as no layer's are")
        # Texts for numbers would be read as numbers, and cut.
        texts = item.dtype.kind == "S" and _VARIABLE.search(name)
        if item.dtype.kind not in "biufSV" or item.dtype.hasobject or item.dtype.fields or texts:
            raise _refused(path, f"its weights {name!r} are not numbers")
        total += math.prod(item.shape or ()) * item.dtype.itemsize
        if _bomb(total, size):
            raise _refused(
                path,
                f"its weights {name!r} claim the shape {item.shape}: {size_in_words(total)} in a "
                f"file of {size_in_words(size)}",
            )


def _check_objects(path: Path, config: Any, custom_objects: Mapping[str, Any]) -> None:
    """Raise `ModelError` for every class or function that is neither Keras's nor the user's."""
    known: set[str] | None = None
    for place, item in _objects(config):
        name, module = item["class_name"], item.get("module")
        if not isinstance(name, str):
            raise _refused(path, f"{place} has a class_name that is not a name")
        if not isinstance(module, str | None):
            raise _refused(path, f"{place} has a module that is not a name")
        if name in _REFUSED and not _names_its_function(item):
            raise _refused(path, f"{place}: {_REFUSED[name]}")
        if name in _DATA:
            continue
        inner = item.get("config")
        for argument, most in _GREEDY.items():
            value = inner.get(argument) if isinstance(inner, dict) else None
            if isinstance(value, int | float) and value > most:
                raise _refused(path, f"{place} has {argument}: {value}, more than {most:,}")
        batch = inner.get("batch_shape") if name == "InputLayer" and inner else None
        if isinstance(batch, list) and any(isinstance(n, int) and n > _AXIS for n in batch):
            raise _refused(path, f"{place} takes inputs of the shape {batch}")
        is_function = name == "function"
        if is_function:
            name = str(item.get("config"))
        registered = item.get("registered_name")
        if not isinstance(registered, str | None):
            raise _refused(path, f"{place} has a registered_name that is not a name")
        if known is None:
            known = {*custom_objects, *_registered(config)}
        if registered in known or (module is None and name in known) or is_of_tensorflow(item):
            continue
        if module is None or not (module in ("keras", "builtins") or module.startswith("keras.")):
            source = f" from the module {module!r}" if module else ""
            raise _refused(
                path,
                f"{place} asks for {registered or name!r}{source}, which is not Keras's own; if it "
                f"is yours, name the Python file that defines it under `code:`",
            )
        if is_function and module != "builtins" and not _FUNCTIONS & set(module.split(".")[1:2]):
            raise _refused(
                path, f"{place} asks for {module}.{name}, a function that is no part of a model"
            )


def _names_its_function(item: dict[str, Any]) -> bool:
    """Whether an object is a Lambda that carries no code, but the name of a function.

    That name is an object of its own, and is looked at as one.
    """
    inner = item.get("config")
    function = inner.get("function") if isinstance(inner, dict) else None
    named = isinstance(function, dict) and function.get("class_name") == "function"
    return named and item["class_name"] == "Lambda"


def _objects(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a config, with a name for its place ("layer 'dense'")."""
    waiting: list[tuple[str, Any]] = [("the model", config)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                inner = value.get("config")
                name = inner.get("name") if isinstance(inner, dict) else None
                if isinstance(name, str) and value is not config:
                    place = f"layer {name!r}"
                yield place, value
            waiting.extend((place, part) for part in config_extent.parts(value))
        elif isinstance(value, list):
            waiting.extend((place, part) for part in value)


def _registered(config: Any) -> Iterable[str]:
    """What the user's code has registered with Keras; without Keras loaded, nothing has."""
    import sys

    if "keras" not in sys.modules:
        return ()
    return sys.modules["keras"].saving.get_custom_objects()


def _bomb(size: int, stored: int) -> bool:
    return size > max(_SMALL, _EXPANSION * stored)


def _refused(path: Path, reason: str) -> ModelError:
    return ModelError(f"{path} is refused: {reason}")


def _reason(error: BaseException) -> str:
    """What Keras says is wrong, on one line: it quotes whole configs, and wraps what it meets."""
    text = str(error).strip()
    if isinstance(error, KeyError):
        text = f"{text} is missing in the config"
    kinds = re.findall(r"<class '[\w.]*?(\w+)'> could not be deserialized", text)
    text = text.rpartition("Exception encountered: ")[2]
    text = re.split(r"\n*(?:List of objects that could not|Full object config:|config=\{)", text)[0]
    text = re.split(r"\n\s*(?:Arguments|Call arguments) received", text)[0]
    text = re.sub(r"<[\w.]*?(\w+) object at 0x\w+>", r"\1", text)
    text = " ".join(text.split()) or type(error).__name__
    if kinds and kinds[-1] not in text:
        text = f"{kinds[-1]}: {text}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _first_line(error: BaseException) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    return re.sub(r" at 0x[0-9a-f]+", "", line)
