"""Countersign: the model proposes, an analyst countersigns, the log proves it."""

__version__ = "0.1.0"
