"""What each candidate is worth, and in which order they stand.

Pure: arrays and numbers in, arrays out. No files, no clock, no settings, no archive; what a step needs is handed in.
"""
