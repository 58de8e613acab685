"""A conversion that survives being stopped: its folder holds every finished unit, and a journal of them.

The folder lies beside the target, so that publishing is a rename. Starting the same conversion again goes on where it
was; a change of source, settings, program, ffmpeg or model is noticed and refused.
"""

from video3d.jobs.description import read_description
from video3d.jobs.folder import FOLDER_SUFFIX, JobFolder, folder_for
from video3d.jobs.running import JobRequest, JobResult, JobWatcher, run_job

__all__ = ["FOLDER_SUFFIX", "JobFolder", "JobRequest", "JobResult", "JobWatcher", "folder_for", "read_description",
           "run_job"]
