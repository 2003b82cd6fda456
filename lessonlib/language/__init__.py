"""The language models of lesson 11: tokens and tasks, a transformer, and how it learns."""
