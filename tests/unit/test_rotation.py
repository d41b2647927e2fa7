"""Copies that are renewed in turn, and forgotten when nobody asks for them."""

from edgeseg.rotation import Rotation


def filled(bound: int, *names: str) -> Rotation[int]:
    """Answer a rotation into which these were put, one after the other."""
    rotation = Rotation[int](bound)
    for value, name in enumerate(names):
        rotation.put(name, value)
    return rotation


def test_over_the_bound_what_was_not_asked_for_for_longest_is_forgotten() -> None:
    """To be renewed is not to be asked for; to be put again is."""
    rotation = filled(4, "renewed", "asked", "again", "other")
    assert rotation.get("asked") == 1
    rotation.put("again", 9)
    rotation.renew("renewed", 8)
    for name in ("new", "newer"):
        rotation.put(name, 0)
    assert len(rotation) == 4
    left = {name for name in ("renewed", "asked", "again", "other") if rotation.get(name)}
    assert left == {"asked", "again"}


def test_what_was_not_renewed_for_longest_is_told_first() -> None:
    """Whoever asked for it; what is put again is new."""
    rotation = filled(4, "a", "b", "c", "d")
    rotation.get("c")
    rotation.renew("a", 5)
    rotation.put("b", 6)
    assert rotation.oldest(3) == ["c", "d", "a"]
    assert rotation.oldest(9) == ["c", "d", "a", "b"]


def test_what_was_forgotten_meanwhile_is_not_renewed() -> None:
    """The new value may have been on its way for long."""
    rotation = filled(1, "old", "new")
    rotation.renew("old", 7)
    assert rotation.get("old") is None
    assert rotation.get("new") == 1
    assert len(rotation) == 1
