"""Model files that mean harm, made on the spot: how each is built, and what must be said of it."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import stat
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from tests.support import hostile_extent, hostile_weights


class Payload:
    """Unpickling one makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def build(folder: Path, marker: Path) -> dict[str, str]:
    """Make the files in `folder`; each name with a part of the message that must come."""
    says: dict[str, str] = {}

    def put(name: str, message: str, parts: dict[str, bytes] | bytes, **how: Any) -> None:
        says[name] = message
        if isinstance(parts, bytes):
            (folder / name).write_bytes(parts)
            return
        with zipfile.ZipFile(folder / name, "w", how.get("pack", zipfile.ZIP_STORED)) as archive:
            for member, content in parts.items():
                archive.writestr(member, content)
            for info, content in how.get("more", ()):
                archive.writestr(info, content)

    good = _model_parts(
        keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(3)])
    )

    def with_config(change) -> dict[str, bytes]:
        config = json.loads(good["config.json"])
        return good | {"config.json": json.dumps(change(copy.deepcopy(config))).encode()}

    def with_layer(**layer: Any) -> dict[str, bytes]:
        def change(config):
            config["config"]["layers"][1] |= layer
            return config

        return with_config(change)

    def with_argument(name: str, value: Any) -> dict[str, bytes]:
        def change(config):
            config["config"]["layers"][1]["config"][name] = value
            return config

        return with_config(change)

    def with_weights(fill) -> dict[str, bytes]:
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            fill(file)
        return good | {"model.weights.h5": buffer.getvalue()}

    # Code in the config.
    code = f"__import__('os').mkdir({str(marker)!r})"
    evil = keras.Sequential(
        [keras.Input((8,)), keras.layers.Lambda(eval(f"lambda x: [{code}, x][1]"), name="lambda")]
    )
    marker.rmdir()  # made when Keras built the layer just now
    put("lambda.keras", "layer 'lambda': a Lambda layer carries Python code", _model_parts(evil))

    def named(function: Any, **more: Any) -> dict[str, bytes]:
        """A Lambda that names its function."""
        inner = {"name": "named", "function": function, "arguments": {}, **more}
        return with_layer(class_name="Lambda", config=inner)

    def function(name: str, module: str) -> dict[str, Any]:
        return {
            "class_name": "function",
            "module": module,
            "config": name,
            "registered_name": name,
        }

    relu = function("relu", "keras.activations")
    put("named_text.keras", "a Lambda layer carries Python code", named("os.system"))
    put("named_os.keras", "'system' from the module 'os'", named(function("system", "os")))
    put("named_keras.keras", "no part of a model", named(function("get_file", "keras.utils")))
    put("named_builtin.keras", "cannot be opened", named(function("eval", "builtins")))
    for place in ("mask", "output_shape"):
        value = {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}
        put(f"named_{place}.keras", "a lambda carries", named(relu, **{place: value}))
    lambda_config = {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}
    put("lambda_activation.keras", "a lambda carries", with_argument("activation", lambda_config))
    put(
        "module_os.keras",
        "asks for 'system' from the module 'os', which is not Keras's own",
        with_argument(
            "activation",
            {
                "class_name": "function",
                "module": "os",
                "config": "system",
                "registered_name": "system",
            },
        ),
    )
    put("module_class.keras", "from the module 'subprocess'", with_layer(module="subprocess"))
    put(
        "keras_function.keras",
        "asks for keras.utils.get_file, a function that is no part of a model",
        with_argument(
            "activation",
            {
                "class_name": "function",
                "module": "keras.utils",
                "config": "get_file",
                "registered_name": "get_file",
            },
        ),
    )
    put(
        "keras_module.keras",
        "cannot be opened as a model",
        with_layer(module="keras.src.saving.saving_lib", class_name="zipfile"),
    )
    put("tfsm.keras", "a TFSMLayer runs whatever", with_layer(class_name="TFSMLayer"))
    put("torch.keras", "stored as a pickle", with_layer(class_name="TorchModuleWrapper"))
    put(
        "typespec.keras",
        "can name any class",
        with_argument(
            "dtype",
            {
                "class_name": "__typespec__",
                "spec_name": "system",
                "module": "os",
                "registered_name": None,
                "config": [],
            },
        ),
    )
    put(
        "unregistered.keras",
        "asks for 'evil>Dense', which is not Keras's own",
        with_layer(module=None, registered_name="evil>Dense"),
    )
    put("list.keras", "a registered_name that is not a name", with_layer(registered_name=["x"]))
    put("legacy.keras", "which is not Keras's own", with_layer(module=None, registered_name=None))
    put(
        "vocabulary.keras",
        "vocabulary",
        with_layer(
            class_name="StringLookup",
            config={"vocabulary": "/etc/passwd", "name": "lookup"},
            build_config=None,
        ),
    )

    # What costs time or memory for each of many.
    constant = {"module": "keras.initializers", "class_name": "Constant", "registered_name": None}
    put(
        "values.keras",
        "its config has 1,000,114 values",
        with_argument("bias_initializer", {**constant, "config": {"value": [0.5] * 1_000_000}}),
    )

    def many_layers(config):
        layers = config["config"]["layers"]
        layers += [layers[1]] * 20_000
        return config

    put("layers.keras", "its config has 20,003 layers", with_config(many_layers))

    def thresholds(config):
        auc = {"module": "keras.metrics", "class_name": "AUC", "registered_name": None}
        auc["config"] = {"num_thresholds": 2_000_000_000}
        config["compile_config"] = {"optimizer": "sgd", "loss": "mse", "metrics": [auc]}
        return config

    put("thresholds.keras", "num_thresholds: 2000000000, more than", with_config(thresholds))

    def wide_metric(config):
        iou = {"module": "keras.metrics", "class_name": "MeanIoU", "registered_name": None}
        iou["config"] = {"num_classes": 1_000_000}
        config["compile_config"] = {"optimizer": "sgd", "loss": "mse", "metrics": [iou]}
        return config

    put("wide_metric.keras", "its config describes weights of", with_config(wide_metric))

    def wide_state(config):
        layers = config["config"]["layers"]
        layers[0]["config"]["batch_shape"] = [10_000_000, 4, 8]
        layers[1:] = [
            {
                "module": "keras.layers",
                "class_name": "GRU",
                "registered_name": None,
                "config": {"name": "gru", "units": 1000, "stateful": True},
            }
        ]
        config["config"]["build_input_shape"] = [10_000_000, 4, 8]
        return config

    put("wide_state.keras", "its config describes weights of", with_config(wide_state))

    # The archive.
    members = {f"assets/{number}": b"" for number in range(5_000)}
    put("members.keras", "5,003 members, as no model does", good | members)
    members = {f"assets/{number}{'x' * 200}": b"" for number in range(5_000)}
    put("directory.keras", "its directory has more than 1 MB", good | members)
    put("slip.keras", "'../evil.txt' points out of", good | {"../evil.txt": b"gotcha"})
    put("slip_absolute.keras", "points out of", good | {"/tmp/nnpy-evil.txt": b"gotcha"})
    put("slip_assets.keras", "points out of", good | {"assets/../../evil.txt": b"gotcha"})
    for number, name in enumerate(("//etc/x", "C:/x", "assets\\x", "assets/../config.json")):
        put(f"slip_{number}.keras", "points out of", good | {name: b"gotcha"})
    for number, name in enumerate(("Config.json", "./config.json", "metadata.json/x")):
        put(f"like_{number}.keras", "none that Keras writes", good | {name: b"{}"})
    put("stranger.keras", "none that Keras writes", good | {"setup.py": code.encode()})
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    put("link.keras", "'assets/link' is a link", good, more=[(link, b"/etc/passwd")])
    put("twice.keras", "two members of the same", good, more=[("config.json", b"{}")])
    zeros = bytes(200 << 20)
    put(
        "bomb.keras",
        "unpacks from 203 KB to 209 MB",
        good | {"model.weights.h5": zeros},
        pack=zipfile.ZIP_DEFLATED,
    )
    put(
        "bomb_config.keras",
        "'config.json' unpacks from",
        good | {"config.json": b" " * (70 << 20)},
        pack=zipfile.ZIP_DEFLATED,
    )
    put(
        "brackets.keras",
        "more than 16 MB beside its numbers",
        good | {"config.json": b"[" + b"[]," * (6 << 20) + b"[]]"},
        pack=zipfile.ZIP_DEFLATED,
    )
    del zeros
    put("empty.keras", "it has no config.json and no model.weights.h5", {"metadata.json": b"{}"})
    put("overlap.keras", "lie on top of one another", _overlapping(good))
    put("deep.keras", "cannot be read", good | {"config.json": b"[" * 100_000})
    put("list.keras", "does not describe a model", good | {"config.json": b"[1]"})
    put("not_a_model.keras", "not a model", with_config(lambda c: c["config"]["layers"][1]))

    hostile_weights.build(put, with_weights)
    hostile_extent.build(put, _model_parts)
    put("wide.keras", "its config describes weights of", with_config(_widen_layer))
    put("wide_input.keras", "takes inputs of the shape", with_config(_widen_input))
    put("wrong_weights.keras", "cannot be opened as a model", with_weights(lambda file: None))

    # Other formats.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["model_config"] = good["config.json"]
    put("old.h5", "an HDF5 file; that old format may carry code", buffer.getvalue())
    put("old.keras", "an HDF5 file; that old format may carry code", buffer.getvalue())
    put("pickle.keras", "a pickle, which can run any code", pickle.dumps(Payload(marker)))
    put("pickle.pkl", "a pickle, which can run any code", pickle.dumps(Payload(marker)))
    put("model.zip", "only .keras files are opened, not '.zip'", good)
    put("text.keras", "damaged or not a model", b"hello")
    put("nothing.keras", "damaged or not a model", b"")
    return says


def _model_parts(model: Any) -> dict[str, bytes]:
    """The members of the archive that Keras writes for a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        archive = zipfile.ZipFile(path)
    with archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _widen_layer(config):
    config["config"]["layers"][2]["config"]["units"] = 10**11
    return config


def _widen_input(config):
    config["config"]["layers"][0]["config"]["batch_shape"] = [10**12, 8]
    return config


def _overlapping(good: dict[str, bytes]) -> bytes:
    """An archive whose directory lists the same megabytes under thirty names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in good.items():
            archive.writestr(name, content)
        archive.writestr("assets/00", bytes(1 << 20))
        entry = archive.getinfo("assets/00")
        for number in range(1, 30):
            twin = copy.copy(entry)
            twin.filename = f"assets/{number:02}"
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
    content = buffer.getvalue()
    assert struct.unpack_from("<H", content, len(content) - 12)[0] == 33
    return content
