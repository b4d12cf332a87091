"""Knowledge of Vietnamese from the shipped lists and the archive: words, diacritics, abbreviations, names."""
