"""Perceptual codes of pictures, frames and sound."""
