"""One drawing, two forms: SVG text for a web page, pixels for a picture. Coordinates are in points, y down."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Point = tuple[float, float]

FONT = "'Inter','Helvetica Neue',Helvetica,Arial,sans-serif"


class Canvas(Protocol):
    """What a page is drawn on. Colours are "#rrggbb"; ``opacity`` is 0 to 1."""

    def rect(self, x: float, y: float, width: float, height: float, fill: str, *, opacity: float = 1.0,
             radius: float = 0.0) -> None: ...

    def polyline(self, points: Sequence[Point], colour: str, *, width: float = 1.0,
                 is_dashed: bool = False) -> None: ...

    def polygon(self, points: Sequence[Point], fill: str, *, hint: str = "") -> None: ...

    def text(self, x: float, y: float, words: str, *, size: float = 12.0, colour: str = "#1f2933",
             anchor: str = "start", is_bold: bool = False) -> None:
        """``y`` is the baseline; anchor: start, middle or end."""

    def image(self, x: float, y: float, width: float, height: float, picture: Rgb) -> None: ...


class SvgCanvas:
    """Collects SVG elements; ``svg`` is the finished element."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, fill: str, *, opacity: float = 1.0,
             radius: float = 0.0) -> None:
        extra = (f' fill-opacity="{opacity:.3g}"' if opacity < 1 else "") + (f' rx="{radius:g}"' if radius else "")
        self._parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
                           f'fill="{fill}"{extra}/>')

    def polyline(self, points: Sequence[Point], colour: str, *, width: float = 1.0, is_dashed: bool = False) -> None:
        dash = ' stroke-dasharray="5 4"' if is_dashed else ""
        self._parts.append(f'<polyline points="{_listed(points)}" fill="none" stroke="{colour}" '
                           f'stroke-width="{width:g}" stroke-linejoin="round"{dash}/>')

    def polygon(self, points: Sequence[Point], fill: str, *, hint: str = "") -> None:
        title = f"<title>{escape(hint)}</title>" if hint else ""
        self._parts.append(f'<polygon points="{_listed(points)}" fill="{fill}">{title}</polygon>')

    def text(self, x: float, y: float, words: str, *, size: float = 12.0, colour: str = "#1f2933",
             anchor: str = "start", is_bold: bool = False) -> None:
        weight = ' font-weight="600"' if is_bold else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" '
                           f'text-anchor="{anchor}"{weight}>{escape(words)}</text>')

    def image(self, x: float, y: float, width: float, height: float, picture: Rgb) -> None:
        done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not done:
            raise ValueError("a picture could not be packed")
        self._parts.append(f'<image x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                           f'preserveAspectRatio="none" href="data:image/jpeg;base64,'
                           f'{base64.b64encode(data.tobytes()).decode()}"/>')

    @property
    def svg(self) -> str:
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
                f'font-family="{FONT}" role="img">' + "".join(self._parts) + "</svg>")


class PictureCanvas:
    """Draws with Pillow at twice the size; ``picture`` is brought down to size, so that edges are smooth."""

    _SCALE = 2

    def __init__(self, width: float, height: float) -> None:
        from PIL import Image

        self._size = (round(width), round(height))
        self._image = Image.new("RGB", (self._size[0] * self._SCALE, self._size[1] * self._SCALE), "#ffffff")

    def rect(self, x: float, y: float, width: float, height: float, fill: str, *, opacity: float = 1.0,
             radius: float = 0.0) -> None:
        from PIL import Image, ImageDraw

        k = self._SCALE
        box = [round(x * k), round(y * k), round((x + max(width, 0)) * k), round((y + max(height, 0)) * k)]
        if box[2] <= box[0] or box[3] <= box[1]:
            return
        if opacity < 1:
            part = self._image.crop((box[0], box[1], box[2], box[3]))
            blended = Image.blend(part, Image.new("RGB", part.size, fill), opacity)
            self._image.paste(blended, (box[0], box[1]))
            return
        draw = ImageDraw.Draw(self._image)
        draw.rounded_rectangle([box[0], box[1], box[2] - 1, box[3] - 1], radius * k, fill=fill)

    def polyline(self, points: Sequence[Point], colour: str, *, width: float = 1.0, is_dashed: bool = False) -> None:
        from PIL import ImageDraw

        draw, k = ImageDraw.Draw(self._image), self._SCALE
        scaled = [(x * k, y * k) for x, y in points]
        pieces = _dashes(scaled, 5.0 * k, 4.0 * k) if is_dashed else [scaled]
        for piece in pieces:
            if len(piece) > 1:
                draw.line(piece, fill=colour, width=max(round(width * k), 1), joint="curve")

    def polygon(self, points: Sequence[Point], fill: str, *, hint: str = "") -> None:
        from PIL import ImageDraw

        ImageDraw.Draw(self._image).polygon([(x * self._SCALE, y * self._SCALE) for x, y in points], fill=fill)

    def text(self, x: float, y: float, words: str, *, size: float = 12.0, colour: str = "#1f2933",
             anchor: str = "start", is_bold: bool = False) -> None:
        from PIL import ImageDraw

        k = self._SCALE
        ImageDraw.Draw(self._image).text((x * k, y * k), words, fill=colour, font=_font(words, size * k),
                                         anchor={"start": "ls", "middle": "ms", "end": "rs"}[anchor],
                                         stroke_width=1 if is_bold else 0, stroke_fill=colour)

    def image(self, x: float, y: float, width: float, height: float, picture: Rgb) -> None:
        from PIL import Image

        k = self._SCALE
        size = (max(round(width * k), 1), max(round(height * k), 1))
        scaled = Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BICUBIC)
        self._image.paste(scaled, (round(x * k), round(y * k)))

    @property
    def picture(self) -> Rgb:
        from PIL import Image

        return np.asarray(self._image.resize(self._size, Image.Resampling.BOX), np.uint8)


def _listed(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _font(words: str, size: float):  # type: ignore[no-untyped-def]
    """Pillow's own font; it holds little beyond ASCII, so other words look for a common one on this machine."""
    from PIL import ImageFont

    if not words.replace("\u00b7", "").isascii():
        for name in ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf"):
            try:
                return ImageFont.truetype(name, round(size * 0.92))
            except OSError:
                continue
    return ImageFont.load_default(size)


def _dashes(points: Sequence[Point], on: float, off: float) -> list[list[Point]]:
    """The pieces of a line that a dash pattern leaves."""
    pieces: list[list[Point]] = [[points[0]]] if points else []
    left, is_on = on, True
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        length = float(np.hypot(x1 - x0, y1 - y0))
        done = 0.0
        while length - done > left:
            done += left
            at = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if is_on:
                pieces[-1].append(at)
            else:
                pieces.append([at])
            is_on = not is_on
            left = on if is_on else off
        left -= length - done
        if is_on:
            pieces[-1].append((x1, y1))
    return pieces
