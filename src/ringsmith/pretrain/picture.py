"""The curve of a training as an SVG picture: plain XML, no script, light and dark surroundings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 16, 40
TICKS = 5
TRAIN, LOOK = "#4c78a8", "#e45756"
Points = Sequence[tuple[float, float]]


def loss_picture(curves: Mapping[str, Sequence[float]]) -> str:
    """The losses of training and of the looks over the steps.

    Args:
        curves: ``"step"`` and ``"loss"``, ``"look_step"`` and ``"look_loss"``.
    """
    train = list(zip(curves["step"], curves["loss"], strict=True))
    looks = list(zip(curves["look_step"], curves["look_loss"], strict=True))
    right = max((step for step, _ in train + looks), default=1.0)
    low, high = _round_out([loss for _, loss in train + looks])
    drawn = [_axes(right, low, high), _line(_placed(train, right, low, high), TRAIN), _dots(_placed(looks, right, low, high))]
    title = f"<title>Loss over {right:,.0f} steps: training (line) and held out text (dots)</title>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="11" fill="#808080">'
    return "\n".join([head, title, *drawn, _legend(), "</svg>", ""])


def _round_out(values: Sequence[float]) -> tuple[float, float]:
    """The values' range, opened to halves; never empty."""
    low, high = math.floor(2 * min(values, default=0.0)) / 2, math.ceil(2 * max(values, default=1.0)) / 2
    return (low, high) if high > low else (low, low + 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, about five.

    Examples:
        >>> _ticks(7.0, 8.5), _ticks(2.0, 10.5)
        ([7.0, 7.5, 8.0, 8.5], [2, 4, 6, 8, 10])
    """
    step = next((step for step in (0.1, 0.5, 1, 2, 5) if (high - low) / step <= TICKS), 10)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _placed(points: Points, right: float, low: float, high: float) -> Points:
    """Points in the picture's own numbers."""
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return [(LEFT + wide * step / right, TOP + tall * (high - loss) / (high - low)) for step, loss in points]


def _line(points: Points, colour: str) -> str:
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _dots(points: Points) -> str:
    return "\n".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{LOOK}"/>' for x, y in points)


def _axes(right: float, low: float, high: float) -> str:
    drawn = []
    for loss in _ticks(low, high):
        ((_, y),) = _placed([(0.0, loss)], right, low, high)
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#808080" stroke-opacity="0.25"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{loss:.1f}</text>')
    for step in dict.fromkeys(round(tick / (TICKS - 1) * right) for tick in range(TICKS)):
        ((x, _),) = _placed([(step, low)], right, low, high)
        drawn.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{step:,}</text>')
    drawn.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">step</text>')
    return "\n".join(drawn)


def _legend() -> str:
    at = WIDTH - RIGHT - 150
    return "\n".join(
        [
            f'<line x1="{at}" x2="{at + 18}" y1="{TOP + 8}" y2="{TOP + 8}" stroke="{TRAIN}" stroke-width="2"/><text x="{at + 24}" y="{TOP + 12}">loss, training</text>',
            f'<circle cx="{at + 9}" cy="{TOP + 24}" r="3.5" fill="{LOOK}"/><text x="{at + 24}" y="{TOP + 28}">loss, held out text</text>',
        ]
    )
