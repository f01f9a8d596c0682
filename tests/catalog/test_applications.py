"""What the catalog says of keras.applications, held against the installed Keras."""

from __future__ import annotations

import inspect
from operator import attrgetter

import keras
import numpy as np
import pytest

from nnpy.catalog.applications import BGR, INSIDE, KNOWN, PREFIX, SPREAD, SYMMETRIC, entries
from nnpy.models import applications

_KERAS = {
    name: value
    for name, value in vars(keras.applications).items()
    if inspect.isfunction(value) and name[0].isupper()
}


def test_every_network_is_known_with_its_arguments():
    assert {*KNOWN} == {*_KERAS}
    # These are nnpy's business: the shape, the tensor, and whether pixels are scaled inside.
    hidden = {"input_shape", "input_tensor", "include_preprocessing"}
    for entry in entries():
        signature = inspect.signature(_KERAS[entry.name]).parameters
        assert _KERAS[entry.name].__module__.endswith(f".{KNOWN[entry.name].module}")
        ours = {each.name for each in entry.parameters}
        assert ours - {"freeze", "grey_to_rgb", "trainable"} == {*signature} - hidden, entry.name
        for each in KNOWN[entry.name].more:
            assert each.default == signature[each.name].default
        scales = signature.get("include_preprocessing")
        assert scales is None or (scales.default is True and KNOWN[entry.name].scaling == INSIDE)


@pytest.mark.parametrize("module", sorted({each.module for each in KNOWN.values()}))
def test_pixels_are_scaled_as_the_network_wants(module):
    (scaling,) = {each.scaling for each in KNOWN.values() if each.module == module}
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype("float32")
    wanted = attrgetter(f"{module}.preprocess_input")(keras.applications)(pixels.copy())
    inputs = keras.Input((5, 4, 3))
    outputs = applications._scaled(inputs, scaling)
    if scaling == INSIDE:
        assert outputs is inputs
        np.testing.assert_array_equal(wanted, pixels)
        return
    assert scaling in (SYMMETRIC, SPREAD, BGR)
    given = np.asarray(keras.Model(inputs, outputs)(pixels))
    np.testing.assert_allclose(given, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [*KNOWN])
def test_a_smaller_picture_is_none_for_it(name):
    least = KNOWN[name].smallest - 1
    with pytest.raises(ValueError, match="at least"):
        _KERAS[name](weights=None, include_top=False, input_shape=(least, least, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in KNOWN if "Large" not in each])
def test_the_smallest_picture_is_one_for_it(name):
    """Each network is made, and equals Keras's own on pixels that its own function prepares."""
    from nnpy.config.load import load_config
    from nnpy.models import build

    least = KNOWN[name].smallest
    given = {"weights": None, "name": "base"}
    config = load_config(
        {
            "data": {"name": None},
            "model": {
                "inputs": {"picture": {"shape": [least, least, 3]}},
                "layers": [{f"{PREFIX}{name}": given}],
            },
        },
        to_train=False,
    )
    model = build.build(config, None)
    base = model.get_layer("base")
    plain = _KERAS[name](
        weights=None, include_top=False, pooling="avg", input_shape=(least, least, 3)
    )
    assert len(plain.layers) == len(applications.own_layers(base))
    plain.set_weights(base.get_weights())
    pixels = np.random.default_rng(0).integers(0, 256, (2, least, least, 3)).astype("float32")
    prepare = attrgetter(f"{KNOWN[name].module}.preprocess_input")(keras.applications)
    wanted = np.asarray(plain(prepare(pixels.copy())))
    np.testing.assert_allclose(np.asarray(model(pixels)), wanted, rtol=2e-4, atol=2e-5)
    keras.utils.clear_session()
