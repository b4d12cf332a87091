"""The API's changes: their journal, and the marks that keep an article that was taken down from coming back."""
