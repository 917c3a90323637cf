"""One module for each migration. They say what was, so they import nothing of the program's tables."""
