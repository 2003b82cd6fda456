"""The static site: every lesson as a page whose sliders, checks and predictions live without a kernel.

``python course.py site`` writes it into ``build/site``; `lessons` makes a page out of a lesson, `pages` the site.
"""
