"""The commands of `lienquan`, a module for each kind of work. Each parses, calls, and prints."""
