"""The command line: parse, call, print, exit. Nothing else prints or exits.

A command is a file of this folder and a line in `COMMANDS`. None imports TensorFlow, NumPy
or the rest of nnpy before it is called, so that help and completion answer at once.
"""

from __future__ import annotations

import importlib
import io
import keyword

import click

from nnpy.cli import startup, streams
from nnpy.cli.terminal import Terminal
from nnpy.errors import NnpyError
from nnpy.version import __version__

# command → its module in this folder and its one-line help
COMMANDS = {
    "train": ("train", "Train the network that a config describes."),
    "launch": ("launch", "Train with several workers on this machine."),
    "check": ("check", "Find the mistakes in configs."),
    "data": ("data", "Show what a training would see of its data."),
    "evaluate": ("evaluate", "Evaluate a trained model on its data."),
    "predict": ("predict", "Classify images with a trained model."),
    "export": ("export", "Write a trained model in other formats, checked."),
    "report": ("report", "Recreate the figures and report of a run."),
    "runs": ("runs", "List the runs."),
    "compare": ("compare", "Compare runs side by side."),
    "reproduce": ("reproduce", "Train a run again and compare every number."),
    "plot": ("plot", "Draw a model."),
    "verify": ("verify", "Prove that training survives being killed."),
    "sweep": ("sweep", "Search for better values of settings."),
    "track": ("track", "Send finished runs to MLflow or TensorBoard."),
    "bench": ("bench", "Measure how fast a config trains here."),
    "info": ("info", "Show versions, devices, data and renderers."),
    "init": ("init", "Write a commented config to start from."),
    "import": ("import_", "Write the config of a Keras model."),
    "schema": ("schema", "Print the JSON Schema of the config language."),
}


class Commands(click.Group):
    """Loads a command's module when the command is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"nnpy.cli.commands.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, _function(name))
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from nnpy.errors import did_you_mean

        try:
            return super().resolve_command(context, arguments)
        except click.UsageError as error:
            hint = did_you_mean(arguments[0], COMMANDS) if arguments else ""
            raise click.UsageError(error.format_message().rstrip(".") + hint, context) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _function(name: str) -> str:
    """The function of a command: one that Python has taken (`import`) ends with `_`."""
    return name.replace("-", "_") + ("_" if keyword.iskeyword(name) else "")


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nnpy")
@click.pass_context
def cli(context: click.Context) -> None:
    """Train neural networks from a YAML file, with Keras on TensorFlow.

    Start with:  nnpy train configs/mlp.yaml
    """
    context.obj = context.obj or Terminal()


def _of_the_machine(error: Exception) -> str:
    """An error in words that is the machine's and no fault of nnpy's, or ""."""
    try:
        from nnpy.devices.host import lack_of_memory, refusal
    except OSError:  # not even a file of ours can be opened any more
        return str(error) if isinstance(error, OSError) else ""
    return lack_of_memory(error) or refusal(error)


def main() -> None:
    """The entry point: exit codes 0 done, 1 failed, 2 wrong use or config, 130 interrupted."""
    streams.open_all()
    terminal = Terminal()
    startup.hide_optional_imports()
    try:
        code = cli.main(prog_name="nnpy", standalone_mode=False, obj=terminal)
    except NnpyError as error:
        terminal.error(error)
        code = error.exit_code
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        terminal.restore()
        words = io.StringIO()  # it quotes arguments, which a pattern such as * may have filled in
        error.show(words)
        terminal.say(words.getvalue().rstrip())
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        terminal.error("interrupted")
        code = 130
    except MemoryError as error:
        terminal.error(f"out of memory: {error}" if str(error) else "out of memory")
        code = 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        code = 1
    except Exception as error:  # noqa: BLE001 – the last resort: a traceback is no answer
        if lacking := _of_the_machine(error):
            terminal.error(lacking)
            code = 1
        else:
            code = terminal.crash(error)
    terminal.leave(code if isinstance(code, int) else 0)
