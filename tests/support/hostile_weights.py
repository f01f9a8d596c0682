"""Weights that mean harm, within model files that are well otherwise; see `hostile.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np


def build(put: Callable[..., None], with_weights: Callable[[Callable[[Any], Any]], Any]) -> None:
    """`put(name, message, parts)` each; `with_weights(fill)` are the parts of such a model."""
    put(
        "shape_bomb.keras",
        "claim the shape (10000000, 100000)",
        with_weights(
            lambda file: file.create_dataset(
                "layers/dense/vars/0", (10_000_000, 100_000), "f4", chunks=(1000, 1000)
            )
        ),
    )

    def many(file):
        for number in range(300):
            file.create_dataset(f"layers/{number}", (1000, 1000), "f4", chunks=(100, 100))

    put("shape_bombs.keras", "claim the shape (1000, 1000)", with_weights(many))
    put(
        "packed_bomb.keras",
        "claim the shape",
        with_weights(
            lambda file: file.create_dataset(
                "w", data=np.zeros((5000, 5000), "f4"), compression="gzip"
            )
        ),
    )

    def complex_numbers(file):
        file["layers/dense/vars/0"] = np.zeros((8, 4), "c8")

    put("complex.keras", "are complex, as no layer's are", with_weights(complex_numbers))

    def texts(file):
        file["layers/dense/vars/0"] = np.full((8, 4), b"0.12345678")

    put("texts.keras", "are not numbers", with_weights(texts))

    def pairs(file):
        file["layers/dense/vars/0"] = np.zeros((8, 4), [("a", "f4"), ("b", "f4")])

    put("pairs.keras", "are not numbers", with_weights(pairs))

    def references(file):
        group = file.create_group("layers")
        group.create_dataset("dense/vars/0", data=[group.ref], dtype=h5py.ref_dtype)

    put("references.keras", "are not numbers", with_weights(references))

    def long_texts(file):
        file.create_dataset("layers/dense/vars/0", data=["a", "b"], dtype=h5py.string_dtype())

    put("long_texts.keras", "are not numbers", with_weights(long_texts))

    def unwritten(file):
        file.create_dataset("w", (2**40,), "f4", chunks=(1024,), maxshape=(None,))

    put("unwritten.keras", "claim the shape (1099511627776,)", with_weights(unwritten))

    def itself(file):
        layout = h5py.VirtualLayout((8, 4), "f4")
        layout[:] = h5py.VirtualSource(".", "w", (8, 4))
        file["w"] = np.zeros((8, 4), "f4")
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    put("virtual_itself.keras", "lie in another file", with_weights(itself))

    def deep_names(file):
        file["a/" * 100 + "b"] = 1.0

    put("deep_names.keras", "more names, or deeper ones", with_weights(deep_names))

    def external(file):
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")

    put("external_link.keras", "a link to another place", with_weights(external))

    def soft(file):
        file["layers"] = h5py.SoftLink("/layers")

    put("soft_link.keras", "a link to another place", with_weights(soft))
    put(
        "external_storage.keras",
        "lie in another file",
        with_weights(
            lambda file: file.create_dataset(
                "layers/dense/vars/0", (8, 4), "f4", external=[("/etc/passwd", 0, 128)]
            )
        ),
    )

    def virtual(file):
        layout = h5py.VirtualLayout((8, 4), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "w", (8, 4))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    put("virtual.keras", "lie in another file", with_weights(virtual))
