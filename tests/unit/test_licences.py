"""Licences of what the service needs at run time."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "check-licences.sh"


def test_every_package_that_runs_has_a_licence_that_fits() -> None:
    """Each is permissive, or asks something of its own files only."""
    bin_ = str(Path(sys.executable).parent)
    done = subprocess.run([SCRIPT, bin_], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
