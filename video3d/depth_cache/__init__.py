"""Depth maps kept on the disk, so that the same video is not estimated twice."""
