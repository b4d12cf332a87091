"""The scores of candidates, and their order.

Pure: arrays and numbers in, arrays out. No files, no clock, no settings, no archive; callers pass everything in.
"""
