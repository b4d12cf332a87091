"""Vietnamese as the shipped lists and the archive itself know it: words, diacritics, abbreviations, names."""
