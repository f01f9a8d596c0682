"""The same example in several places, by the SHA-256 of what the model sees.

Examples of the training set that are in the test set too make its score better than it is;
the same example with two labels can be learnt by no one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

Digests = Sequence[bytes]
Labels = Sequence[object]  # of each example, to be compared


def notes(
    digests: Mapping[str, Digests], labels: Mapping[str, Labels], names: Mapping[str, list[str]]
) -> list[str]:
    """What there is to tell of splits ("train", "validation", "test"), a line each.

    `names` are the classes of each example, in words.
    """
    found = []
    train = dict(zip(digests["train"], labels["train"], strict=True))
    for split in ("test", "validation"):
        if split not in digests:
            continue
        same = [i for i, digest in enumerate(digests[split]) if digest in train]
        if same:
            told = _counted([names[split][i] for i in same])
            found.append(
                f"{len(same):,} of {len(digests[split]):,} {split} examples are in the training "
                f"set too: {told}"
            )
    number = Counter(digests["train"])
    again = sum(number.values()) - len(number)
    if again:
        found.append(f"{again:,} training examples are the same as another one")
    two = _contradictions(digests["train"], labels["train"])
    if two:
        found.append(f"{two:,} examples are in the training set with different labels")
    return found


def _contradictions(digests: Digests, labels: Labels) -> int:
    """How many different examples have more than one label."""
    seen: dict[bytes, object] = {}
    two = set()
    for digest, label in zip(digests, labels, strict=True):
        if seen.setdefault(digest, label) != label:
            two.add(digest)
    return len(two)


def _counted(names: list[str]) -> str:
    number = Counter(names).most_common()
    told = ", ".join(f"{name} {n:,}" for name, n in number[:5])
    return f"{told}, …" if len(number) > 5 else told
