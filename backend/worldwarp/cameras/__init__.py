"""Cameras: the path a user asked for, its sizes and its file formats."""

from .cameras import Cameras

__all__ = ["Cameras"]
