"""Tools of the course on loss and accuracy. Import the module you need: ``from lessonlib import metrics``."""

__version__ = "0.1.0"
