"""A conversion that can be watched before it ends: its finished units as an HLS playlist (RFC 8216) of fragmented MP4.

Fragments are made when somebody asks for the playlist: from the segments of the job's folder while it runs, and from
the result once that is there. Segments come into that folder whole and in their final form, whatever attempt made them,
so a job that was stopped and goes on has the same stream; one that begins anew has another. Fragments stay in a folder
of the job's until the job is deleted.

    FOLDER/JOB/fragments.json     what is there
    FOLDER/JOB/00000.m4s          a unit, or a part of the result
    FOLDER/JOB/start-….mp4        what a player needs before
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from video3d.errors import JobError, MissingError, SourceError
from video3d.jobs import folder_for, read_description
from video3d.media.fragment import FragmentMade, FragmentRequest, make_fragment
from video3d.media.source import probe
from video3d.queue import JobState, JobView
from video3d.serial import from_json, to_json
from video3d.settings import Tracks
from video3d.video_info import TrackKind

LONGEST_SECONDS = 24
"""At least the longest unit; a playlist may not change it."""
RESULT_SECONDS = Fraction(8)
"""A part of a finished result, about."""
_NAME = re.compile(r"[0-9]{5}\.m4s|start-[0-9a-f]{12}\.mp4")


@dataclass(frozen=True)
class Fragment:
    """A part of the stream that is on the disk."""

    name: str
    start: str
    """Its initialisation segment."""
    duration: Fraction


@dataclass(frozen=True)
class _Stream:
    """What is known of a job's stream."""

    fragments: tuple[Fragment, ...] = ()
    is_complete: bool = False
    sound: str | None = None
    """The file whose sound goes along."""
    zero: Fraction = Fraction(0)
    """Moment of that file at which the stream begins."""
    begun: float | None = None
    """The job's: where it began anew, so does the stream."""

    @property
    def end(self) -> Fraction:
        """Seconds from the stream's beginning."""
        return sum((fragment.duration for fragment in self.fragments), Fraction(0))


class StreamStore:
    """Playlists and fragments of jobs. Every method waits for the disk, and for child processes where there is news."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._streams: dict[str, _Stream] = {}

    def playlist(self, job: JobView) -> str:
        """What can be watched by now; MissingError before the first unit is finished."""
        with self._lock:
            known = self._streams.get(job.id) or self._read(job)
            stream = self._continued(job, known if known.begun == job.begun else self._begun_anew(job))
            self._streams[job.id] = stream
        if not stream.fragments:
            raise MissingError("There is nothing to watch yet.", stage="watch",
                               remedy="Ask again when the first part is finished.")
        return playlist_text(stream.fragments, is_complete=stream.is_complete or job.state.is_over)

    def file(self, job: JobView, name: str) -> Path:
        """A file of the playlist; MissingError where there is no such one."""
        path = self._folder / job.id / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise MissingError("There is no such part.", stage="watch", remedy="Read the playlist again.")
        return path

    def clean(self, jobs: frozenset[str]) -> None:
        """Delete the streams of jobs that are no longer there."""
        with self._lock:
            for entry in self._folder.iterdir() if self._folder.is_dir() else ():
                if entry.name not in jobs:
                    self._streams.pop(entry.name, None)
                    shutil.rmtree(entry, ignore_errors=True)

    def _continued(self, job: JobView, stream: _Stream) -> _Stream:
        if stream.is_complete:
            return stream
        if job.state is JobState.DONE and job.target.is_file():
            stream = self._from_result(job, stream)
        else:
            stream = self._from_segments(job, stream)
        return stream

    def _from_segments(self, job: JobView, stream: _Stream) -> _Stream:
        folder = folder_for(job.target)
        segments = folder / "segments"
        with suppress(JobError, SourceError):  # the job has just ended, and taken its segments along
            if read_description(folder).shots != (job.shots.to_json() if job.shots else None):
                return stream  # what lies there was made with other shots
            while (segment := segments / f"{len(stream.fragments):05d}.mp4").is_file():
                stream = self._added(job, stream, segment, Fraction(0), None)
        return stream

    def _from_result(self, job: JobView, stream: _Stream) -> _Stream:
        with suppress(SourceError):  # there is no more of it
            while True:
                stream = self._added(job, stream, job.target, stream.end, stream.end + RESULT_SECONDS)
        stream = replace(stream, is_complete=True)
        self._write(job, stream)
        return stream

    def _added(self, job: JobView, stream: _Stream, video: Path, begin: Fraction, end: Fraction | None) -> _Stream:
        try:
            return self._lengthened(job, stream, video, begin, end)
        except SourceError:
            if stream.sound is None or Path(stream.sound).is_file():
                raise
            # An upload goes when its last job is done, which may be while its sound is read.
            return self._lengthened(job, self._with_sound(job, stream), video, begin, end)

    def _lengthened(self, job: JobView, stream: _Stream, video: Path, begin: Fraction, end: Fraction | None) -> _Stream:
        folder = self._folder / job.id
        folder.mkdir(parents=True, exist_ok=True)
        number = len(stream.fragments)
        start = folder / "start.mp4"
        made: FragmentMade = make_fragment(FragmentRequest(
            str(video), begin, end, stream.end, stream.sound, stream.zero + stream.end,
            str(folder / f"{number:05d}.m4s"), str(start), number))
        named = folder / f"start-{hashlib.sha256(start.read_bytes()).hexdigest()[:12]}.mp4"
        start.replace(named)
        added = Fragment(f"{number:05d}.m4s", named.name, made.duration)
        stream = replace(stream, fragments=(*stream.fragments, added))
        self._write(job, stream)
        return stream

    def _read(self, job: JobView) -> _Stream:
        try:
            text = (self._folder / job.id / "fragments.json").read_text(encoding="utf-8")
            return from_json(_Stream, json.loads(text))
        except (OSError, ValueError, KeyError, TypeError):
            return self._begun_anew(job)

    def _begun_anew(self, job: JobView) -> _Stream:
        shutil.rmtree(self._folder / job.id, ignore_errors=True)
        return self._with_sound(job, _Stream(begun=job.begun))

    def _write(self, job: JobView, stream: _Stream) -> None:
        record = self._folder / job.id / "fragments.json"
        part = record.with_suffix(".part")
        part.write_text(json.dumps(to_json(stream)), encoding="utf-8")
        part.replace(record)

    def _with_sound(self, job: JobView, stream: _Stream) -> _Stream:
        """Where sound comes from: the source as long as it is there, which it need not be once the job is done."""
        stream = replace(stream, sound=None, zero=Fraction(0))
        if job.settings.output.tracks is Tracks.NONE:
            return stream
        for file, skipped in ((job.source, Fraction(job.settings.range.start)), (job.target, Fraction(0))):
            try:
                info = probe(file)
            except SourceError:
                if file.is_file():
                    raise
                continue
            if any(track.kind is TrackKind.AUDIO for track in info.tracks):
                return replace(stream, sound=str(file), zero=info.first_pts * info.time_base + skipped)
            return stream
        return stream


def playlist_text(fragments: tuple[Fragment, ...], *, is_complete: bool) -> str:
    """The playlist of what is there; players read it again until it is complete. It only grows (RFC 8216, 6.2.1)."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{LONGEST_SECONDS}", "#EXT-X-MEDIA-SEQUENCE:0",
             "#EXT-X-PLAYLIST-TYPE:EVENT", "#EXT-X-INDEPENDENT-SEGMENTS"]
    start = ""
    for fragment in fragments:
        if fragment.start != start:
            lines += ["#EXT-X-DISCONTINUITY"] if start else []
            lines.append(f'#EXT-X-MAP:URI="{fragment.start}"')
            start = fragment.start
        lines += [f"#EXTINF:{float(fragment.duration):.6f},", fragment.name]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if is_complete else []), ""])
