"""Conversions that wait, run, pause and go on, also after a restart of the program."""

from video3d.queue.job_queue import JobQueue, Retention, queue_folder
from video3d.queue.model import JobOrder, JobProblem, JobState, JobView

__all__ = ["JobOrder", "JobProblem", "JobQueue", "JobState", "JobView", "Retention", "queue_folder"]
