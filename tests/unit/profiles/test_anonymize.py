"""Who is anonymized stays in the statistics."""

from edgeseg.profiles.anonymize import anonymize
from edgeseg.profiles.profile import Profile


def test_counts_stay_with_what_tells_how_far_back_they_go() -> None:
    """Without it, counts that began with the rules would pass for complete."""
    profile = Profile(
        affinities={"topic": {"insurance": 2.0}},
        affinities_since_ms={"topic": 7},
        since_ms=5,
    )
    assert anonymize(profile, ()) == profile
