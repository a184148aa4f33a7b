"""Folds over a page's segments: the chapter itself, HTML, a notebook, a program."""
