"""2D video in, 3D (stereo) video out. Importing this package does no work and loads nothing heavy."""

__version__ = "0.1.0"
