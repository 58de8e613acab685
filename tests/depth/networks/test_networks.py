"""What the tests of this folder need."""

from __future__ import annotations

import pytest


@pytest.mark.needs("torch", "transformers")
def test_torch_and_the_reference_networks_are_here() -> None:
    """Without torch the modules of this folder are skipped as a whole; where all tools are demanded this one fails."""
