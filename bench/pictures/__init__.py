"""Parts of ``bench.images``: material, attacks, alterations, measurements and their report."""
