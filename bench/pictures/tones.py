"""Attacks on tone, noise and sharpness."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from bench.pictures.raster import Rgb, Rng, clipped, soft


def brighter(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return a brighter picture."""
    return clipped(rgb * np.float32(1.15) + 12)


def darker(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return a darker picture."""
    return clipped(rgb * np.float32(0.8) - 8)


def contrast(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return more contrast around middle grey."""
    return clipped((rgb.astype(np.float32) - 128) * 1.3 + 128)


def gamma(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return lifted shadows."""
    return clipped(255 * (rgb / np.float32(255)) ** 0.75)


def warmer(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return a warmer and more saturated picture."""
    grey = rgb.mean(axis=2, keepdims=True)
    return clipped((grey + (rgb - grey) * 1.25) * np.array([1.08, 1.0, 0.9]))


def grey(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture without colour."""
    return np.repeat(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)[..., None], 3, axis=2)


def negative(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the inverted picture."""
    return 255 - rgb


def duotone(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture in two inks, dark blue and cream, as a cover would print it."""
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)[..., None] / 255
    return clipped((1 - luma) * np.array([20, 30, 90]) + luma * np.array([255, 240, 200]))


def blurred(rgb: Rgb, _rng: Rng, _other: Rgb, sigma: float = 1.2) -> Rgb:
    """Return a blurred picture; ``sigma`` at a long side of 1024 pixels."""
    return soft(rgb, sigma * max(rgb.shape) / 1024)


def noisy(rgb: Rgb, rng: Rng, _other: Rgb, sigma: float = 8.0) -> Rgb:
    """Return Gaussian noise of ``sigma`` grey levels on the picture."""
    return clipped(rgb + rng.normal(0, sigma, rgb.shape))


def vignette(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return dark corners: 40 % of the light there."""
    height, width = rgb.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return clipped(rgb * (1 - 0.3 * (x**2 + y**2))[..., None])


def palette(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture in 256 colours with error diffusion, as a GIF shows it."""
    return np.asarray(Image.fromarray(rgb).quantize(256).convert("RGB"))


def painted(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return a beauty filter's smoothness: detail gone, edges kept."""
    return np.asarray(cv2.bilateralFilter(rgb, 9, 60, 7), np.uint8)


def printed(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a newspaper's dots and a scanner's blur, noise and slight rotation."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turned = np.pi / 4
    across, down = x * np.cos(turned) + y * np.sin(turned), y * np.cos(turned) - x * np.sin(turned)
    dots = np.cos(across * 2 * np.pi / 4) * np.cos(down * 2 * np.pi / 4) * 22
    shown = soft(clipped(30 + rgb * 0.8 + dots[..., None] + rng.normal(0, 4, rgb.shape)), 0.9)
    spin = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-0.8, 0.8)), 1.0)
    return np.asarray(cv2.warpAffine(shown, spin, (width, height), borderValue=(235, 232, 225)), np.uint8)
