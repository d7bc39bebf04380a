"""Draw Fovea's icon: python resources/icons/make_icons.py writes fovea.svg, .png, .ico and .icns beside this file.

The picture is a retina as it samples the world: small dense receptors in the middle, larger and sparser ones outside,
spaced evenly in the logarithm of the eccentricity. One list of circles makes all four files, so they cannot differ.
"""

from __future__ import annotations

import io
import math
import struct
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 256
CORNER = 56
SLATE = "#26323d"
MIST = "#8fa3b5"
AMBER = "#ffb020"
RINGS = 4
RECEPTORS = 12
INNERMOST = 43.0
GROWTH = 1.33
OVERSAMPLING = 8

Circle = tuple[float, float, float, str]


def circles() -> list[Circle]:
    """All circles as (x, y, radius, colour) on a square of SIDE x SIDE, the fovea first."""
    middle = SIDE / 2
    found: list[Circle] = [(middle, middle, 26.0, AMBER)]
    for ring in range(RINGS):
        eccentricity = INNERMOST * GROWTH**ring
        radius = 0.155 * eccentricity
        colour = blend(AMBER, MIST, min(1.0, (ring + 0.6) / RINGS * 1.4))
        for receptor in range(RECEPTORS):
            angle = 2 * math.pi * (receptor + ring % 2 / 2) / RECEPTORS
            found.append((middle + eccentricity * math.cos(angle), middle + eccentricity * math.sin(angle), radius, colour))
    return found


def blend(first: str, second: str, share: float) -> str:
    """A colour between two, `share` in [0, 1] of the way."""
    pairs = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def svg() -> str:
    """The icon as an SVG document."""
    shapes = "\n".join(f'  <circle cx="{x:.2f}" cy="{y:.2f}" r="{r:.2f}" fill="{colour}"/>' for x, y, r, colour in circles())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}">\n'
        f'  <rect width="{SIDE}" height="{SIDE}" rx="{CORNER}" fill="{SLATE}"/>\n{shapes}\n</svg>\n'
    )


def draw(side: int) -> Image.Image:
    """The icon as pixels, RGBA, side x side."""
    scale = side * OVERSAMPLING / SIDE
    picture = Image.new("RGBA", (side * OVERSAMPLING, side * OVERSAMPLING))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, SIDE * scale - 1, SIDE * scale - 1), CORNER * scale, fill=SLATE)
    for x, y, radius, colour in circles():
        pen.ellipse([v * scale for v in (x - radius, y - radius, x + radius, y + radius)], fill=colour)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def icns() -> bytes:
    """The icon as macOS takes it: PNG files behind four-letter names, each with its length. Pillow would add 1,024 pixels of 400 KB."""
    entries = b""
    for name, side in ((b"ic11", 32), (b"ic12", 64), (b"ic07", 128), (b"ic08", 256), (b"ic09", 512)):
        file = io.BytesIO()
        draw(side).save(file, "PNG", optimize=True)
        entries += name + struct.pack(">I", 8 + file.tell()) + file.getvalue()
    return b"icns" + struct.pack(">I", 8 + len(entries)) + entries


def main(folder: Path) -> None:
    """Write the four files into a folder."""
    (folder / "fovea.svg").write_text(svg(), encoding="utf-8", newline="\n")
    draw(SIDE).save(folder / "fovea.png", optimize=True)
    sizes = (16, 24, 32, 48, 64, 128, 256)
    draw(SIDE).save(folder / "fovea.ico", sizes=[(s, s) for s in sizes], append_images=[draw(s) for s in sizes])
    (folder / "fovea.icns").write_bytes(icns())


if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
