"""`python -m video3d.sample FILE`: draws the sample clip."""

from __future__ import annotations

import sys

from video3d.errors import Video3DError
from video3d.sample import write_sample


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 with a sentence on standard error."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m video3d.sample FILE.mp4\n")
        return 2
    try:
        write_sample(arguments[0])
    except Video3DError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
