"""Media files: what they are, how they are decoded, and the workers that do it."""
