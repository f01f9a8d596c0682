"""What the catalog knows of one object of Keras: its name, its parameters, how it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One argument of a Keras object.

    `types` names what the argument takes: plain values (int, float, bool, str, list, dict,
    null, where float includes int), dtype, shape, tensor, a Keras kind (layer, cell, optimizer,
    schedule, loss, metric, initializer, regularizer, constraint, activation, callable), or any.
    `items` says the same of the members of a list, `length` how many it must have.
    `choices` are the only strings it takes; `minimum` and `maximum` hold for a number, and for
    each number in a list.
    """

    name: str
    required: bool = False
    variadic: bool = False  # `*operands`: any number of them, by position
    default: object = None  # None too where Keras's default is not a JSON value
    types: tuple[str, ...] = ("any",)
    items: tuple[str, ...] = ()
    length: int | None = None
    as_tuple: bool = False  # whether Keras insists on a tuple where a list is written
    choices: tuple[str, ...] | None = None
    ignore_case: bool = False  # whether Keras takes the choices in capitals too
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    doc: str = ""
    is_path: bool = False  # of a data source: a file or folder, relative to the config that says it


SEVERAL = "{}"


@dataclass(frozen=True)
class Entry:
    """One public object of Keras.

    `parameters` are those of its constructor (for an activation: beyond the tensor); `call`
    are those that it is called with: the inputs of a layer, the whole signature of an
    operation. The ranks of a layer's input count the batch axis; None where any will do.
    `direction` is the better way of a metric, "min" or "max"; "" where nobody knows it.

    Of what the user's own file `code` defines, `base` is the class of Keras that it derives from
    (the nearest one outside the file), and `logs_as` the name that its constructor gives a
    metric: None where it gives none, "" where only running it tells, `SEVERAL` where its result
    has names of its own.
    """

    kind: str
    name: str
    aliases: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    call: tuple[Parameter, ...] = ()
    input_rank: int | None = None
    min_rank: int | None = None
    doc: str = ""
    code: str = ""  # the user's own file that defines it, where Keras does not
    targets: str = ""  # what a loss or metric compares: see `nnpy.catalog.measures`
    outputs: str = ""
    open_ended: bool = False  # takes more arguments than are known (**kwargs)
    direction: str = ""
    base: str = ""
    logs_as: str | None = None
    is_function: bool = False  # of own code, not a class

    def parameter(self, name: str) -> Parameter | None:
        """The constructor's parameter of that name."""
        return next((each for each in self.parameters if each.name == name), None)
