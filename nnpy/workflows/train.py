"""A config → a finished run folder: data, model, training, diagram and page in their order."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nnpy.config import trackers
from nnpy.config.callbacks import check_installed
from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.devices import select
from nnpy.errors import ConfigError, RunError, UsageError
from nnpy.runs import begin
from nnpy.runs.folder import Run
from nnpy.safety import named_files
from nnpy.storage import lock
from nnpy.tracking.tracker import Group
from nnpy.training import resume, signals
from nnpy.training.progress import Listeners, ProgressListener
from nnpy.training.timing import Clock
from nnpy.workflows import track
from nnpy.workflows.crew import Crew
from nnpy.workflows.session import Session

if TYPE_CHECKING:
    from nnpy.engine import Engine


def train_config(
    config: Config,
    *,
    run_dir: str | None = None,
    overwrite: bool = False,
    resumed: Run | None = None,
    deterministic: bool = False,
    device: str | None = None,
    devices: str | None = None,
    tensorboard: bool = False,
    listener: ProgressListener | None = None,
    final: bool = True,
    group: Group | None = None,
    crew: Crew | None = None,
) -> Run:
    """Trains what the config says and leaves a run folder; returns it.

    `crew` are the workers that share the training; only the chief's folder is for people.
    `resumed` is the run to go on with. A training that is not `final`, one of many, leaves the
    test set alone, and no diagram and page; `group` is what trackers know the many by. Raises
    Interrupted after Ctrl-C or SIGTERM, with what was reached saved. The model is built before the
    folder is made: a config that Keras refuses leaves nothing behind.
    """
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "TensorBoard is not installed; install nnpy with the extra: .[tensorboard]"
        )
    check_installed(config.training.callbacks)
    track.check_installed(trackers.named(config.training.trackers))
    named_files.check(config, training=True)
    clock, listener = Clock(), listener or ProgressListener()
    session = Session(
        config,
        device=device,
        devices=devices,
        shared=True,
        cluster=crew.cluster if crew else None,
        on_data=listener.on_data,
    )
    if crew is not None:
        crew.begin(config, session.dataset())
    with clock.phase("import"):
        from nnpy.models import adapt, initial_weights, saved
        from nnpy.models.compile import check_batches, check_data
        from nnpy.models.instantiate import instantiate
        from nnpy.models.stages import Stages
        from nnpy.training import callback_files, trainer
        from nnpy.workflows.report import Reporter

    device_name = session.select_device()
    if deterministic:
        select.make_deterministic()
    with clock.phase("build"), _memory_told(config), session.scope():
        model = session.build_model()
        # The file may be gone when a training goes on: its state has the weights.
        goes_on = resumed is not None and any(resumed.state_folder.glob("*"))
        of_networks = initial_weights.take_of_applications(model, config, optional=goes_on)
        taken = initial_weights.take(model, config, optional=goes_on)
        check_data(config, session.data_info)
        stages = Stages(model, config)
        callbacks = [
            None if callback_files.opens_at_once(each) else instantiate(each)
            for each in config.training.callbacks
        ]
    with clock.phase("data"):
        dataset = session.dataset()
        record = session.record(model)
        with session.scope():
            adapt.adapt(model, config.model, dataset.train, session.preprocessing())
    told = [] if resumed else initial_weights.told(of_networks, taken)
    for note in (*check_batches(config, dataset), *session.notes(model), *told):
        listener.on_message(note)
    folder = (
        begin.claimed(resumed)
        if resumed
        else begin.begun(config.name, run_dir, overwrite=overwrite)
    )
    chief = crew is None or crew.cluster.is_chief

    def enter(stage: int, before: Engine | None) -> tuple[Engine, dict[str, Any]]:
        with session.scope():
            told = stages.enter(stage)
        augment = before.augmentation if before is not None else None  # it draws on and on
        return session.engine(model, augment=augment or True), told

    with (
        folder as run,
        signals.graceful(listener.on_message, listener.on_exit) as asked,
        track.tracked(
            config if chief else None,
            listener.on_message,
            lambda: asked.signal is not None,
            group,
        ) as tracking,
    ):
        reporter = Reporter(run, model, clock, listener)
        draws = final and chief
        with _mistakes_told(config, run, new=resumed is None):
            pairs = zip(config.training.callbacks, callbacks, strict=True)
            callbacks = [
                made or instantiate(callback_files.placed(each, run.folder)) for each, made in pairs
            ]
            training = trainer.Training(
                config,
                dataset,
                model,
                enter,
                callbacks,
                run,
                device=device_name,
                deterministic=deterministic,
                tensorboard=tensorboard,
                listener=Listeners([listener, tracking, *([reporter] if draws else [])]),
                clock=clock,
                asked=asked,
                save=lambda path: saved.save(model, path, record),
                translate=crew.translate if crew else lambda error: None,
            )
            began = initial_weights.record(of_networks, taken)
            if resumed:
                kept = run.summary()
                began |= {key: kept[key] for key in initial_weights.KEYS if key in kept}
            training.summary |= began
            summary = training.run_to_end(resumed=resumed is not None, test=final)
        if draws:
            reporter.draw(summary)
            reporter.report(
                summary,
                training.engine,
                dataset,
                session.preprocessing(model),
                session.outputs_of(model),
                config,
            )
    return run


def _untracked(config: Config) -> Config:
    """The config of a worker whose run is for nobody."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, trackers=[]))


@contextlib.contextmanager
def _memory_told(config: Config) -> Iterator[None]:
    """Too little memory for the model becomes a DeviceError that says what helps."""
    from nnpy.training import failures

    try:
        yield
    except MemoryError as error:
        raise failures.translate_error(error, config.training.batch_size) or error from error


@contextlib.contextmanager
def _mistakes_told(config: Config, run: Run, *, new: bool) -> Iterator[None]:
    """What Keras raises because of what the config says is told at its line.

    Where nothing was trained yet, a new run is no run: without its config.yaml its folder is
    taken back as one that was never begun.
    """
    from nnpy.models.located_errors import located

    try:
        yield
    except Exception as error:
        mistake = error if isinstance(error, ConfigError) else located(error, config)
        if mistake is None:
            raise
        if new and not run.metrics() and not any(run.state_folder.glob("*")):
            run.config_path.unlink(missing_ok=True)
        if mistake is error:
            raise
        raise mistake from error


def resume_run(
    run: Run,
    overrides: tuple[str, ...] = (),
    *,
    trust_code: bool = False,
    device: str | None = None,
    devices: str | None = None,
    listener: ProgressListener | None = None,
    final: bool = True,
    group: Group | None = None,
    crew: Crew | None = None,
) -> Run:
    """Goes on with a run that was left before its end; `final` and `crew` as for
    `train_config`.

    Raises UsageError when there is nothing to go on with, or an override alters the past;
    RunError when another process is at it.
    """
    before = load_config(run.config_path)
    config = load_config(run.config_path, overrides, trust_code=trust_code)
    resume.check_changes(before.resolved, config.resolved)
    # The name that the variables bear, whatever the folder is called by now.
    config = dataclasses.replace(config, name=run.summary().get("config", config.name))
    status, epochs = run.status(), run.summary().get("epochs", 0)
    if status == "running":
        raise RunError(f"{run} is already being trained by {lock.holder(run.folder)}")
    if status == "finished" and resume.wanted_epochs(config.resolved, run.summary()) <= epochs:
        more = f"--set training.epochs={2 * max(epochs, 1)} extends it"
        raise UsageError(f"{run} is finished, after {epochs} epochs; {more}")
    early = resume.ended_early(before.resolved, run.summary()) if status == "finished" else ""
    if early and not resume.more_patient(before.resolved, config.resolved):
        raise UsageError(f"{run} is finished: {early}")
    return train_config(
        config,
        resumed=run,
        deterministic=bool(run.environment().get("deterministic")),
        device=device,
        devices=devices,
        tensorboard=run.tensorboard_folder.is_dir(),
        listener=listener,
        final=final,
        group=group,
        crew=crew,
    )
