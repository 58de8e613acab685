"""`python -m video3d`: the command line."""

from video3d.cli import main

raise SystemExit(main())
