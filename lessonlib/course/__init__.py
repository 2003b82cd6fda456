"""What is of this course alone: its questions, its cases with their causes, and whether a machine can run it."""
