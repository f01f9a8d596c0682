"""nnpy from Python: the functions behind the commands.

    import nnpy
    run = nnpy.train("configs/mlp.yaml", overrides=["training.epochs=10"])
    nnpy.evaluate(run)["metrics"]["accuracy"]

TensorFlow is imported when a function needs it, while a thread reads the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.config.load import load_config
from nnpy.runs import begin
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows.session import ConfigLike, build_model
from nnpy.workflows.target import Target, exported_file, model_and_config, open_run

if TYPE_CHECKING:
    import keras

    from nnpy.data import Progress
    from nnpy.evaluation.comparison import Comparison
    from nnpy.workflows.reproduce import Reproduction
    from nnpy.workflows.sweep.course import SweepListener
    from nnpy.workflows.sweep.result import Sweep


def train(
    config: ConfigLike,
    *,
    overrides: Iterable[str] = (),
    run_dir: str | None = None,
    overwrite: bool = False,
    deterministic: bool = False,
    device: str | None = None,
    devices: str | None = None,
    tensorboard: bool = False,
    trust_code: bool = False,
    listener: ProgressListener | None = None,
) -> Run:
    """Trains what a config says and returns the run folder.

    Args:
        config: A path, plain data of the same form, or a `Config`.
        overrides: As for `--set`: "training.epochs=10".
        run_dir: The folder to make; default runs/<config name>[-N].
        overwrite: Replace the run that `run_dir` holds.
        deterministic: Only operations that give the same bits each time, however slow.
        device: "cpu", "gpu" or "gpu:N"; default the GPUs there are, else the CPU.
        devices: Which GPUs share the training: "all" (the default), how many ("2"), or their
            numbers ("0,2"); with `device="cpu"` into how many devices the CPU is divided.
        tensorboard: Keep logs for TensorBoard in the run folder.
        trust_code: Run the Python files that came with a run of someone else.
        listener: Is told how it goes.

    Raises:
        ConfigError: With every mistake in the config.
        NnpyError: For what else stands in the way.
    """
    from nnpy.workflows.train import train_config

    return train_config(
        load_config(config, overrides, trust_code=trust_code),
        run_dir=run_dir,
        overwrite=overwrite,
        deterministic=deterministic,
        device=device,
        devices=devices,
        tensorboard=tensorboard,
        listener=listener,
    )


def resume(
    target: Target = None,
    *,
    overrides: Iterable[str] = (),
    trust_code: bool = False,
    device: str | None = None,
    devices: str | None = None,
    listener: ProgressListener | None = None,
) -> Run:
    """Goes on with a run that was killed, interrupted or failed, and returns it.

    Args:
        target: The run; default the newest unfinished one in runs/.
        overrides: As of `--set`, of what does not alter the past: "training.epochs=20" makes
            even a finished training longer.
        device, devices: As for `train`.
        listener: As for `train`.

    Raises:
        UsageError: When there is nothing to go on with, or an override alters the past.
        NnpyError: For what else stands in the way.
    """
    from nnpy.workflows.train import resume_run

    run = Run.newest_unfinished() if target is None else open_run(target)
    return resume_run(
        run,
        tuple(overrides),
        trust_code=trust_code,
        device=device,
        devices=devices,
        listener=listener,
    )


def look(
    config: ConfigLike, *, overrides: Iterable[str] = (), on_data: Progress | None = None
) -> dict[str, Any]:
    """What a training with `config` would see of its data: all is read, nothing is trained.

    Plain data: `splits`, `inputs`, `targets`, `columns`, `duplicates`, `notes`, and `suspicious`.
    `config` may be a run, or data, which are taken for what `first_config` finds in them.
    """
    from nnpy.workflows.look_at_data import look_at

    return look_at(config, overrides, on_data)


def first_config(
    path: str | Path,
    output: str | Path,
    target: Iterable[str] = (),
    on_data: Progress | None = None,
) -> tuple[Path, list[str]]:
    """Looks at data and writes a config that trains on them as it is; also what was found.

    `target`: the columns of a table that are to be answered.
    """
    from nnpy.workflows import first_config as workflow

    found = workflow.of(Path(path), tuple(target), on_data)
    return workflow.write(found, Path(output)), found.told


def sweep(
    config: ConfigLike,
    *,
    overrides: Iterable[str] = (),
    jobs: int = 1,
    minutes: float | None = None,
    storage: str | None = None,
    new: bool = False,
    device: str | None = None,
    trust_code: bool = False,
    listener: SweepListener | None = None,
) -> Sweep:
    """Searches for better values, as the config's section `sweep:` says, in sweeps/<name>.

    The same call goes on with a sweep that was killed, interrupted, or shall have more trials.

    Args:
        config: As for `train`.
        overrides: As for `train`: "sweep.trials=40".
        jobs: How many trainings at a time; they share the cores.
        minutes: When to end, with the trials that are finished by then.
        storage: The address of a database (as of SQLAlchemy) that several machines share; default
            a file in the sweep's folder.
        new: Begin a new sweep, beside one of the same name.
        device: As for `train`.
        trust_code: As for `train`.
        listener: Is told how it goes.

    Raises:
        ConfigError: With every mistake in the config.
        UsageError: When there is nothing to search, or the config or search has changed.
        RunError: When too many trials failed in a row.
    """
    from nnpy.workflows.sweep.sweep import run_sweep

    return run_sweep(
        load_config(config, overrides, trust_code=trust_code),
        jobs=jobs,
        minutes=minutes,
        storage=storage,
        new=new,
        device=device,
        listener=listener,
    )


def track(target: Target = None, *, to: Iterable[str] = (), uri: str | None = None) -> dict:
    """Sends a run that is over to `to`, or the config's trackers; its ids there, by tracker.

    `uri`: of the MLflow server. Raises RunError when one is away, UsageError when there is none.
    """
    from nnpy.workflows.track import track_run

    return track_run(open_run(target), tuple(to), uri=uri)


def evaluate(
    target: Target = None,
    *,
    split: str = "test",
    config: ConfigLike | None = None,
    device: str | None = None,
    predictions: str | Path | None = None,
    trust_code: bool = False,
) -> dict[str, Any]:
    """Loss, metrics and, for a classifier, all its scores with their intervals.

    Of a run's best model (default: the newest run), or a .keras file, on a split of its data or
    that of `config`. What `export` wrote is evaluated without Keras: by its scores alone.
    `predictions` is a .csv or .npz file to keep the answers in.
    """
    from nnpy.workflows.evaluate import evaluate_target

    path = None if predictions is None else Path(predictions)
    return evaluate_target(target, path, config, split=split, device=device, trust_code=trust_code)


def report(target: Target = None, *, device: str | None = None, trust_code: bool = False) -> Path:
    """Makes a run's evaluation, figures and page anew; returns the path of the page."""
    from nnpy.workflows.evaluate import evaluate_model

    run = open_run(target)
    with begin.claimed(run):
        model_path, config = model_and_config(run, None, trust_code)
        done = evaluate_model(model_path, config, device=device)
        from nnpy.report import write

        write.publish(run, done.model, done.data_info, done.dataset, done.result, config)
    return run.report_path


def predict(
    target: Target,
    sources: Iterable[str | Path],
    *,
    invert: bool = False,
    config: ConfigLike | None = None,
    trust_code: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """What a model answers to pictures, folders, .npy files, and rows of CSV and Parquet files.

    It is a run's best one, a .keras file, or what `export` wrote: ONNX and LiteRT files are run
    without TensorFlow.
    """
    paths = [Path(source) for source in sources]
    if exported := exported_file(target):
        from nnpy.workflows.export.use import predict_exported

        return predict_exported(exported, paths, invert=invert, trust_code=trust_code)
    from nnpy.workflows.predict import predict_files

    model_path, loaded = model_and_config(target, config, trust_code)
    return predict_files(model_path, loaded, paths, invert=invert, device=device)


def export(
    target: Target = None,
    format: str | Iterable[str] = "onnx",
    *,
    quantize: str = "none",
    batch: int | str | None = None,
    opset: int | None = None,
    raw_input: bool = True,
    output: str | Path | None = None,
    config: ConfigLike | None = None,
    trust_code: bool = False,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Writes a run's best model, or a .keras file, in other formats, each checked against it.

    Args:
        target: As for `evaluate`.
        format: savedmodel, onnx, tflite or keras, or several of them.
        quantize: "none", "float16", "int8-weights" or "int8".
        batch: The one batch size that it takes; "open" for any; default any, where it can be.
        opset: Of ONNX, 11 to 18; default 15.
        raw_input: Whether the data's own values go in, scaled inside; else what the model takes.
        output: The file, or a folder; default the run's folder `export`, or the working folder.
        config: As for `evaluate`.
        progress: Hears of what is done.

    Plain data: `exports`, a dict for each file, with `agrees` and the `reasons` where it does not;
    `failed`, why a format could not be written; `problems`, both in words.

    Raises:
        UsageError: For what cannot be asked for.
        NnpyError: For what else stands in the way.
    """
    from nnpy.workflows.export.export import Order, export_model

    order = Order.of(format, quantize, batch, opset, raw_input, output)
    path, loaded = model_and_config(target, config, trust_code)
    return export_model(path, loaded, order, say=progress or (lambda text: None))


def compare(targets: Iterable[str | Path | Run]) -> Comparison:
    """What differs between runs, in the making and in the outcome, and whether by chance."""
    from nnpy.evaluation import comparison

    return comparison.compare(comparison.compared([open_run(target) for target in targets]))


def reproduce(
    target: Target = None,
    *,
    run_dir: str | None = None,
    trust_code: bool = False,
    device: str | None = None,
    devices: str | None = None,
    listener: ProgressListener | None = None,
) -> Reproduction:
    """Trains a run again from its folder alone, and compares every number."""
    from nnpy.workflows.reproduce import compare_runs

    run = open_run(target)
    again = train(
        run.config_path,
        run_dir=run_dir,
        device=device,
        devices=devices,
        trust_code=trust_code,
        listener=listener,
    )
    return compare_runs(run, again)


def build(
    config: ConfigLike, *, overrides: Iterable[str] = (), trust_code: bool = False
) -> keras.Model:
    """The model that a config says, built and compiled, not trained."""
    return build_model(load_config(config, overrides, trust_code=trust_code, to_train=False))


def bench(
    config: ConfigLike,
    *,
    overrides: Iterable[str] = (),
    seconds: float = 3.0,
    rounds: int = 3,
    device: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """How fast a config trains on this machine: `model.fit`, tuned, and each execution mode.

    Each works for about `seconds` in each of `rounds`, in turns; `progress` hears of it.
    """
    from nnpy.workflows.bench.measure import bench_config

    return bench_config(
        load_config(config, overrides),
        seconds=seconds,
        rounds=rounds,
        device=device,
        progress=progress,
    )


def plot(
    target: ConfigLike | Run | None = None,
    output: str | Path | None = None,
    *,
    overrides: Iterable[str] = (),
    trust_code: bool = False,
) -> Path:
    """Draws the model of a config (untrained, no data read), a run or a .keras file.

    `output` ends in .png, .svg, .pdf or .dot; default <name>.png in the working folder.
    """
    from nnpy.workflows.plot import plot_model

    return plot_model(target, None if output is None else Path(output), overrides, trust_code)


def import_model(
    model: str | Path | keras.Model,
    output: str | Path | None = None,
    *,
    code: str | Path | None = None,
    trust_code: bool = False,
) -> tuple[str, list[str]]:
    """The text of the config that builds a model, and what it does not say of it.

    Args:
        model: A `.keras` file, or a Sequential or functional model.
        output: Where to write it, with long arrays in an .npz file beside it.
        code: The Python file that defines the model's own layers, losses and metrics.

    Raises:
        ModelError: For what a config cannot express.
    """
    from nnpy.workflows import import_model as workflow

    paths = [None if each is None else Path(each) for each in (output, code)]
    return workflow.import_model(model, *paths, trust_code=trust_code)
