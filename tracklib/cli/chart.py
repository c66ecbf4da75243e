"""A chart of one metric on two sides, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from tracklib.cli.quantities import number_text
from tracklib.messages import printable

if TYPE_CHECKING:
    from tracklib.portability.comparison import Curve

__all__ = ["chart"]

_WIDTH, _HEIGHT, _EDGE = 640, 180, 20


def chart(curve: Curve) -> Element:
    """Draw both sides over each other, with a ring around the first point that differs."""
    scale = _Scale(curve)
    svg = Element("svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")
    SubElement(svg, "title").text = printable(
        f"{curve.key}: both sides; first differing point at step {curve.first.step}"
    )
    for side, points in (("a", curve.a), ("b", curve.b)):
        if len(points) == 1:
            (x, y) = scale.place(*points[0])
            SubElement(svg, "circle", {"class": f"line {side}", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "2"})
        elif points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (scale.place(*point) for point in points))
            SubElement(svg, "polyline", {"class": f"line {side}", "points": path})
    x, y = scale.place(float(curve.first.step or 0), scale.value_at_first)
    SubElement(svg, "circle", {"class": "mark", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "6"})
    for height, value in ((14, scale.high), (_HEIGHT - 6, scale.low)):
        SubElement(svg, "text", x="4", y=str(height)).text = number_text(value)
    last = f"step {number_text(scale.end)}"
    SubElement(svg, "text", {"x": str(_WIDTH - 4), "y": str(_HEIGHT - 6), "text-anchor": "end"}).text = last
    return svg


class _Scale:
    """Where a step and a value lie in the drawing."""

    def __init__(self, curve: Curve) -> None:
        points = [*curve.a, *curve.b] or [(0.0, 0.0)]
        steps, values = zip(*points, strict=True)
        self.start, self.end = min(steps), max(steps)
        self.low, self.high = min(values), max(values)
        first = float(curve.first.step or 0)
        self.value_at_first = min(points, key=lambda point: abs(point[0] - first))[1]

    def place(self, step: float, value: float) -> tuple[float, float]:
        across = _part(step, self.start, self.end) * (_WIDTH - 2 * _EDGE) + _EDGE
        return across, _HEIGHT - _EDGE - _part(value, self.low, self.high) * (_HEIGHT - 2 * _EDGE)


def _part(value: float, low: float, high: float) -> float:
    """Return where a value lies between two others, from 0 to 1."""
    return 0.5 if high == low else min(max((value - low) / (high - low), 0.0), 1.0)
