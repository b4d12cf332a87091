"""Limits of time and memory for work over what others wrote, and a watch over a process that must get on."""
