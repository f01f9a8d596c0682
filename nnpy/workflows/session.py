"""A config brought to life: its data, device, model and engine, made once and shared.

session = Session(config)          # a thread begins to read the data
session.select_device()            # imports TensorFlow meanwhile
model = session.build_model()
session.engine(model).train_epoch(session.dataset().train, 0)
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog import catalog
from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.config.monitor import measure
from nnpy.data import DataInfo, Dataset, Preprocessing, Progress, registry
from nnpy.devices import select, strategy
from nnpy.devices.cluster import Cluster
from nnpy.errors import ConfigError, DataError, Problem, UsageError
from nnpy.runs.folder import Run
from nnpy.workflows import distribution

if TYPE_CHECKING:
    import keras

    from nnpy.engine import Engine
    from nnpy.models.ends import Output
    from nnpy.models.saved import Record

ConfigLike = str | Path | Mapping[str, Any] | Config
Target = str | Path | Run | None  # a run, or a .keras file; None is the newest run


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
        self._on_data = on_data
        self._loaded: list[Dataset | BaseException] = []
        self._thread = threading.Thread(target=self._load, name="nnpy-data", daemon=True)
        source = registry.SOURCES[self._data]
        self.data_info: DataInfo
        if source.learnt_info is None:
            self.data_info = registry.info(self._data, config.data.path, **config.data.arguments)
        elif self.learnt:
            self.data_info = source.learnt_info(self.learnt)
        else:  # what a row becomes is known when the training rows are
            self.data_info = self.dataset().info
        # A source that asks Keras for its data must not import it beside the main thread.
        if read and not self._loaded and not source.imports_keras:
            self._thread.start()
        select.prepare_environment()

    def _load(self) -> None:
        settings = self.config.data
        try:
            self._loaded.append(
                registry.load(
                    self._data,
                    path=settings.path,
                    arguments=settings.arguments,
                    validation=settings.validation.rule,
                    test=settings.test.rule,
                    memory_budget=settings.memory_budget_bytes,
                    progress=self._on_data,
                    learnt=self.learnt,
                )
            )
        except BaseException as error:  # noqa: BLE001 – raised again by the one who waits
            self._loaded.append(error)

    def dataset(self) -> Dataset:
        """The data, once they are read. Raises DataError and what else the reading raised."""
        if self._thread.ident is None:
            if not self._loaded:
                self._load()
        else:
            self._thread.join()
        if isinstance(self._loaded[0], BaseException):
            raise self._loaded[0]
        return self._loaded[0]

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
        from nnpy.models import build, compile

        model = build.build(self.config, self.data_info)
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
        self._record = saved.read(path)
        if model.loss is None:
            compile_model(model, self.config)
        return model

    def preprocessing(self, model: keras.Model | None = None) -> Preprocessing:
        """How a stored batch becomes what the config's model takes, or `model` itself.

        Raises ModelError when `model` does not take such data.
        """
        from nnpy.models import inputs
        from nnpy.models.saved import Record

        if model is None:
            return inputs.preprocessing(self.config, self.data_info)
        return inputs.preprocessing_for(
            model, self.config, self.data_info, self._record or Record()
        )

    def outputs_of(self, model: keras.Model) -> list[Output]:
        """Name, place and scale of each of the model's outputs, in the config's order."""
        from nnpy.models import ends
        from nnpy.models.saved import Record

        return ends.outputs_of(model, self.config.model, self._record or Record())

    def record(self, model: keras.Model) -> Record:
        """What a saved `model` of this config must remember beside its weights."""
        from nnpy.models.saved import Record

        outputs = {each.name: each.scale for each in self.outputs_of(model) if each.scale}
        info, learnt = self.data_info, self.dataset().preprocessing if self._loaded else {}
        return Record(self.preprocessing().scale, info.dtype, outputs, info.classes, learnt)

    def engine(
        self,
        model: keras.Model,
        preprocessing: Preprocessing | None = None,
        *,
        execution: str | None = None,
    ) -> Engine:
        """What trains, evaluates and predicts with `model` as the config says.

        `execution` is used instead of the config's where it is given.
        """
        from nnpy.engine import Engine

        training = self.config.training
        measured = measure(self.config.data, training, catalog.load(), self.data_info.classes)
        given: dict[str, Any] = {
            "batch_size": training.batch_size,
            "seed": training.seed,
            "execution": execution or training.execution,
            "class_weight": training.class_weight,
            "shuffle": training.shuffle,
            "memory_budget": self.config.data.memory_budget_bytes,
            "columns": measured.columns,
            "steps_per_epoch": training.steps_per_epoch,
        }
        prepare = preprocessing or self.preprocessing()
        if self._strategy is None:
            return Engine(model, prepare, **given)
        from nnpy.engine.distributed import DistributedEngine
        from nnpy.models import normalization

        alone = normalization.alone(model)
        return DistributedEngine(model, prepare, strategy=self._strategy, alone=alone, **given)

    def notes(self, model: keras.Model) -> list[str]:
        """What is to be said of the devices that were selected, and of how they share a model."""
        if self._strategy is None:
            return self._notes
        from nnpy.models import normalization

        count = self._strategy.num_replicas_in_sync
        return [
            *self._notes,
            f"each batch of {self.config.training.batch_size} is shared by {count} devices",
            *normalization.notes(model),
        ]


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


def open_run(target: Target) -> Run:
    """The run that `target` names; None is the newest. Raises UsageError when there is none."""
    if target is None:
        return Run.newest()
    return target if isinstance(target, Run) else Run.open(target)


def model_and_config(
    target: Target, config: ConfigLike | None, trust_code: bool
) -> tuple[Path, Config]:
    """The model file that `target` names, and the config of its run.

    `config` is used instead where it is given; a .keras file outside a run is taken to be for
    Fashion-MNIST without one. Raises UsageError when there is no model.
    """
    if target is None:
        target = Run.newest()
    if not isinstance(target, Run):
        path = Path(target)
        if path.is_file():
            home = Run(path.parent.parent)
            in_run = path.parent.name in ("checkpoints", "export")
            if config is None and in_run and home.is_run():
                return path, load_config(home.config_path, trust_code=trust_code)
            source = config if config is not None else {"model": ["Flatten"]}
            return path, load_config(source, trust_code=trust_code)
        target = Run.open(path)
    if not target.best_path.is_file():
        raise UsageError(f"{target} has no checkpoint yet ({target.best_path} does not exist)")
    source = config if config is not None else target.config_path
    return target.best_path, load_config(source, trust_code=trust_code)


def is_model_or_run(target: Any) -> bool:
    """Whether a path names a run folder or a model file, and not a config."""
    if isinstance(target, str | Path):
        path = Path(target)
        return path.is_dir() or path.suffix in (".keras", ".h5", ".hdf5")
    return False


def exported_file(target: Target) -> Path | None:
    """The exported file or folder that `target` names; None where it is a run or a model."""
    from nnpy.export import formats

    if target is None or isinstance(target, Run):
        return None
    path = Path(target)
    return path if path.exists() and formats.of_file(path) is not None else None
