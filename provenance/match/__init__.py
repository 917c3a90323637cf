"""Find the registered original, align the copy to it, compare the two."""
