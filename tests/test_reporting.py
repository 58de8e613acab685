from __future__ import annotations

from video3d.reporting import SilentReporter


def test_a_silent_reporter_keeps_each_notice_once() -> None:
    reporter = SilentReporter()
    for message in ("a", "b", "a"):
        reporter.notice(message)
    assert reporter.notices == ["a", "b"]
    assert not reporter.is_cancelled()
