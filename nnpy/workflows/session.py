"""A config brought to life: its data, device, model and engine, made once and shared.

session = Session(config)          # a thread begins to read the data
session.select_device()            # imports TensorFlow meanwhile
model = session.build_model()
session.engine(model).train_epoch(session.dataset().train, 0)
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog import catalog
from nnpy.config.config import Config
from nnpy.config.monitor import measure
from nnpy.config.tasks import keeps_units
from nnpy.data import DataInfo, Dataset, Preprocessing, Progress, registry
from nnpy.data import targets as asked
from nnpy.data.balance import balanced
from nnpy.data.standardize import with_targets_of
from nnpy.devices import precision, select, strategy
from nnpy.devices.cluster import Cluster
from nnpy.errors import ConfigError, DataError, ModelError, Problem
from nnpy.workflows import distribution

if TYPE_CHECKING:
    import keras

    from nnpy.engine import Engine
    from nnpy.engine.augmentation import Augmentation
    from nnpy.models.ends import Output
    from nnpy.models.saved import Record


# TensorFlow's own pattern of scopes.
_NAME = re.compile(r"[A-Za-z0-9_.\\/>-]*")

ConfigLike = str | Path | Mapping[str, Any] | Config


class Session:
    """What a config needs to be worked with.

    Args:
        config: The checked config.
        device: "cpu", "gpu" or "gpu:N"; None takes the GPUs there are, else the CPU.
        devices: As `--devices`, for a training; where it is given or `shared`, several GPUs share
            it as `training.distribute` says.
        shared: Whether this is a training, which several devices may share.
        on_data: Is called while the data are read, with what is done (a phrase), how far it is,
            and how much it is in all or None.
        read: Whether a thread begins to read the data at once.
        model: The saved model that is to be opened. What it remembers of the rows that it was
            trained with decides what others become; nothing is learnt from these.
        learnt: That itself, where there is no such model.
        cluster: The workers that share the training, of which this process is one.

    Raises DataError when the data set is unknown or cannot be described.
    """

    def __init__(
        self,
        config: Config,
        *,
        device: str | None = None,
        devices: str | None = None,
        shared: bool = False,
        on_data: Progress | None = None,
        read: bool = True,
        model: Path | None = None,
        learnt: Mapping[str, Any] | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self.config, self._shared, self._cluster = config, shared, cluster
        self._data = _data_name(config)
        self._wanted, self._several = device, devices
        self._plan = distribution.Plan(1)
        if shared:
            self._plan = distribution.plan(config, devices, cluster)
        self._strategy: Any = None
        self._notes: list[str] = []
        self._record: Record | None = None  # of a model that was opened
        self.learnt: Mapping[str, Any] = learnt or _learnt(self._data, model)
        self._targets = _targets(model)
        self._on_data = on_data
        self._loaded: list[Dataset | BaseException] = []
        self._thread = threading.Thread(target=self._load, name="nnpy-data", daemon=True)
        source = registry.SOURCES[self._data]
        self.data_info: DataInfo
        if source.learnt_info is None:
            found = registry.info(self._data, config.data.path, **config.data.arguments)
            self.data_info = self._asked(found)
        elif self.learnt:
            self.data_info = self._asked(source.learnt_info(self.learnt))
        else:  # what a row becomes is known when the training rows are
            self.data_info = self.dataset().info
        # A source that asks Keras for its data must not import it beside the main thread.
        if read and not self._loaded and not source.imports_keras:
            self._thread.start()
        select.prepare_environment()

    def _load(self) -> None:
        settings = self.config.data
        try:
            found = registry.load(
                self._data,
                path=settings.path,
                arguments=settings.arguments,
                validation=settings.validation.rule,
                test=settings.test.rule,
                memory_budget=settings.memory_budget_bytes,
                progress=self._on_data,
                learnt=self.learnt,
            )
            self._loaded.append(dataclasses.replace(found, info=self._asked(found.info)))
        except BaseException as error:  # noqa: BLE001 – raised again by the one who waits
            self._loaded.append(error)

    def dataset(self) -> Dataset:
        """The data, once they are read. Raises DataError and what else the reading raised."""
        if self._thread.ident is None:
            if not self._loaded:
                self._load()
        else:
            self._thread.join()
        found = self._loaded[0]
        if isinstance(found, BaseException):
            raise found
        known = getattr(self, "data_info", found.info)  # what the training rows say of targets
        self.data_info = dataclasses.replace(known, targets=found.info.targets)
        return found

    def _asked(self, info: DataInfo) -> DataInfo:
        """The facts of the data with the targets that are asked for, on the model's scales."""
        info = asked.decided(info, self.config.data.target)
        if self._targets is not None:
            return with_targets_of(info, self._targets)
        training, keys = self.config.training, self.config.model.output_keys
        raw = [asked.target_of(info, key) for key in keys if keeps_units(training.loss_of(key))]
        targets = tuple(
            dataclasses.replace(each, center=(), spread=()) if each in raw else each
            for each in info.targets
        )
        return dataclasses.replace(info, targets=targets)

    def select_device(self) -> str:
        """Makes TensorFlow use the device; returns it in words for people.

        Raises DeviceError when it is not there, UsageError when it is not a device.
        """
        chosen = select.choose(
            self._wanted,
            self._several,
            most=self._plan.most,
            one_thread=can_split_batch(self.config),
        )
        if self._shared:
            distribution.check(self.config, chosen, self._cluster)
            if self._wanted != "cpu" and self._several is None and self._plan.because:
                self._notes = self._plan.notes(len(select.describe()["gpus"]))
        if self._cluster is not None:
            self._strategy = strategy.of_workers(self._cluster)
        elif len(chosen.names) > 1:
            self._strategy = strategy.mirrored(chosen.names)
        return chosen.words

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Within it a model is built and adapted, whose variables are on all devices then."""
        return strategy.scope(self._strategy)

    def build_model(self) -> keras.Model:
        """The model of the config, built, compiled and held against the data's classes.

        Raises ConfigError at the line of what Keras refuses.
        """
        from nnpy.models import build, compile, late_weights

        model = build.build(self.config, self.data_info)
        late_weights.make(model)
        compile.compile_model(model, self.config)
        compile.check_outputs(model, self.config, self.data_info)
        return model

    def open_model(self, path: Path) -> keras.Model:
        """A saved model, compiled by this config where the file does not say how.

        Raises ModelError when the file is no model that may be opened.
        """
        from nnpy.models import saved
        from nnpy.models.compile import compile_model
        from nnpy.models.user_code import own_objects
        from nnpy.safety import model_files

        model = model_files.open_model(path, own_objects(self.config))
        _check_names(model, path)
        self._record = saved.read(path)
        if model.loss is None:
            compile_model(model, self.config)
        return model

    def preprocessing(self, model: keras.Model | None = None) -> Preprocessing:
        """How a stored batch becomes what the config's model takes, or `model`, if it was opened.

        Raises ModelError when `model` does not take such data.
        """
        from nnpy.models import inputs

        if model is None or self._record is None:
            return inputs.preprocessing(self.config, self.data_info, model)
        return inputs.preprocessing_for(model, self.config, self.data_info, self._record)

    def outputs_of(self, model: keras.Model) -> list[Output]:
        """Name, place and scale of each of the model's outputs, in the config's order."""
        from nnpy.models import ends
        from nnpy.models.saved import Record

        return ends.outputs_of(model, self.config.model, self._record or Record())

    def record(self, model: keras.Model) -> Record:
        """What a saved `model` of this config must remember beside its weights."""
        from nnpy.models.saved import Record

        outputs = {each.name: each.scale for each in self.outputs_of(model) if each.scale}
        learnt = self.dataset().preprocessing if self._loaded else {}
        info, scale = self.data_info, self.preprocessing().scale
        return Record(scale, info.dtype, outputs, info.classes, learnt, info.targets)

    def class_weight(self) -> dict[int, float] | None:
        """The weight of each class in the loss, worked out where it is `balanced`."""
        said = self.config.training.class_weight
        if not isinstance(said, str):
            return said
        return balanced(self.dataset().train.y, len(self.data_info.classes))

    def engine(
        self,
        model: keras.Model,
        preprocessing: Preprocessing | None = None,
        *,
        execution: str | None = None,
        augment: bool | Augmentation = False,
    ) -> Engine:
        """What trains, evaluates and predicts with `model` as the config says.

        `execution` is used instead of the config's where it is given. Only with `augment`, in a
        training, does it know of data.augment: made anew, or that of an engine before.
        """
        from nnpy.engine import Engine
        from nnpy.models import inputs, units

        training, names = self.config.training, asked.names_of(self.data_info)
        measured = measure(self.config.data, training, catalog.load(), names)
        given: dict[str, Any] = {
            "batch_size": training.batch_size,
            "seed": training.seed,
            "execution": execution or training.execution,
            "class_weight": self.class_weight(),
            "shuffle": training.shuffle,
            "memory_budget": self.config.data.memory_budget_bytes,
            "columns": measured.columns,
            "steps_per_epoch": training.steps_per_epoch,
        }
        prepare = preprocessing or inputs.preprocessing(self.config, self.data_info, model)
        units.measure_in_units(model, prepare)
        if not isinstance(augment, bool):
            given["augmentation"] = augment
        elif augment and self.config.data.augment:
            from nnpy.models import augmentation

            with self.scope():
                given["augmentation"] = augmentation.build(self.config, self.data_info)
        if self._strategy is None:
            return Engine(model, prepare, **given)
        from nnpy.engine.distributed import DistributedEngine
        from nnpy.models import normalization

        alone = normalization.alone(model)
        return DistributedEngine(model, prepare, strategy=self._strategy, alone=alone, **given)

    def notes(self, model: keras.Model) -> list[str]:
        """What is to be said of the weights of classes, of the devices that were selected, and of
        how they share a model."""
        slow = precision.notes(self.config.training.precision)
        notes = [*self._weights_told(), *self._notes, *slow]
        if self._strategy is None:
            return notes
        from nnpy.models import augmentation, normalization

        count = self._strategy.num_replicas_in_sync
        return [
            *notes,
            f"each batch of {self.config.training.batch_size} is shared by {count} devices",
            *normalization.notes(model),
            *augmentation.notes(self.config),
        ]

    def _weights_told(self) -> list[str]:
        weights = self.class_weight()
        if self.config.training.class_weight != "balanced" or not weights:
            return []
        names = self.data_info.classes
        rows = sorted(weights.items(), key=lambda each: -each[1])
        shown = ", ".join(f"{names[i]} {weight:.3g}" for i, weight in rows[:5])
        return [f"class_weight: balanced: {shown}{', …' if len(rows) > 5 else ''}"]


def _check_names(model: keras.Model, path: Path) -> None:
    """Raise ModelError for a model of elsewhere with layers that TensorFlow cannot run."""
    import keras

    from nnpy.engine import introspection

    for layer in introspection.layers(model):
        is_input = isinstance(layer, keras.layers.InputLayer)
        if not is_input and not _NAME.fullmatch(layer.name):
            raise ModelError(
                f"{path}: TensorFlow runs no layer called {layer.name!r}: a name has letters A-Z, "
                "digits and _ . - only; rename the layer and save the model again"
            )


def open_to_draw(config: Config, path: Path) -> keras.Model:
    """A saved model, not compiled: no data are needed.

    Raises ModelError when the file is no model that may be opened.
    """
    select.prepare_environment()
    from nnpy.models.user_code import own_objects
    from nnpy.safety import model_files

    return model_files.open_model(path, own_objects(config), compile=False)


def build_model(config: Config) -> keras.Model:
    """The model of a config, built and compiled without data and without a device chosen.

    Where its input states no shape, it is that of the data, if they can be described. Raises
    ConfigError at the line of what Keras refuses.
    """
    select.prepare_environment()
    from nnpy.models import build, compile

    info = None
    if config.data.name is not None:
        with contextlib.suppress(DataError):
            info = Session(config, read=False).data_info
    model = build.build(config, info)
    compile.compile_model(model, config)
    return model


def _learnt(name: str, model: Path | None) -> Mapping[str, Any]:
    """What a saved model remembers of the rows that it was trained with."""
    if model is None or registry.SOURCES[name].learnt_info is None:
        return {}
    from nnpy.models import saved

    return saved.read(model).learnt


def _targets(model: Path | None) -> tuple[asked.Target, ...] | None:
    """What a saved model answers, and on which scales; () of one that nnpy has not trained."""
    if model is None:
        return None
    from nnpy.models import saved

    return saved.read(model).targets


def _data_name(config: Config) -> str:
    """What the config learns from. Raises ConfigError where it names nothing yet."""
    if config.data.name is not None:
        return config.data.name
    message = "the config names no data yet: say here what it learns from"
    section = config.tree.value.get("data")
    node = section.value.get("name") if section is not None and section.is_map else None
    mark = node.mark if node is not None else None
    raise ConfigError(
        [mark.problem("data.name", message) if mark else Problem(message, "data.name")]
    )


def can_split_batch(config: Config) -> bool:
    """Whether a CPU should work on a batch in parts, one for each core; asked before it works."""
    from nnpy.devices.host import cores_here
    from nnpy.engine import batch_parts

    return config.training.execution in ("auto", "graph") and batch_parts.suit(
        config.model.iter_layers(), config.training.batch_size, cores_here()
    )
