"""Benchmarks: programs anybody can run; each prints its conditions and the limit measured in the same run."""
