"""Names under which generators write themselves into files."""

from __future__ import annotations

import re
from typing import Final

# Whole names only, and only for fields in which a tool names itself: "Flux" alone is also a program for
# light, and "Runway" and "Sora" are words; those count only in the spelling their makers write.
_NAMES: Final = (
    ("Adobe Firefly", r"adobe firefly"),
    ("AUTOMATIC1111", r"automatic1111|stable diffusion web ?ui"),
    ("Bing Image Creator", r"bing image creator|microsoft designer"),
    ("ComfyUI", r"comfyui"),
    ("DALL·E", r"dall[·\-. ]?e(?:[ -]?[23])?"),
    ("Draw Things", r"draw things"),
    ("FLUX", r"flux\.1|flux1?[- ](?:dev|schnell|pro)"),
    ("Fooocus", r"fooocus(?: v?[\d.]+)?"),
    ("Google Imagen", r"(?:google )?imagen ?[234]|gemini(?: image)? generat(?:ed|or|ion)"),
    ("Ideogram", r"ideogram(?: ai)?"),
    ("InvokeAI", r"invoke ?ai"),
    ("Kling", r"kling ?ai"),
    ("Leonardo.Ai", r"leonardo\.ai"),
    ("Midjourney", r"mid ?journey"),
    ("NovelAI", r"novel ?ai"),
    ("OpenAI", r"openai(?: api)?|chatgpt|gpt-image-1|gpt-4o|sora \(openai\)"),
    ("Runway", r"runway ?ml|runway gen-?\d"),
    ("Stable Diffusion", r"stable[ -]?diffusion(?: xl)?|sdxl|dreamstudio"),
    ("SwarmUI", r"swarmui"),
)
_PATTERNS: Final = tuple(
    (name, re.compile(rf"(?<![\w])(?:{text})(?![\w])", re.IGNORECASE)) for name, text in _NAMES
)
#: Longest field looked at, characters: a tool's name is short.
_MAX_NAME: Final = 256


def named_generator(text: str) -> str | None:
    """Return the generator that ``text``, the content of a field for the tool's name, names; None for others."""
    return next((name for name, pattern in _PATTERNS if pattern.search(text[:_MAX_NAME])), None)
