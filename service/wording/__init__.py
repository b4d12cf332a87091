"""The text of all pages, in Vietnamese and in English.

A module for each kind of page; `strings` has the text of readers' pages and what all pages share. Imports
nothing of the service.
"""
