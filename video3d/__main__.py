"""`python -m video3d`: the command line."""

import signal

# While Python loads, Ctrl-C ends it without a word: nothing is under way yet, and libraries that are being imported
# would take it for a fault of theirs.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from video3d.cli import main

if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)
raise SystemExit(main())
