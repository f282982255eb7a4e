"""
SQLite + Supabase Sync System - Plots

Curves over logarithmic axes as one SVG file, drawn without any library.
"""

import math
from pathlib import Path
from typing import Callable, Dict, List, Tuple

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 46, 58
COLOURS = ['#1f6fb4', '#c8501e', '#3a8f3a', '#7d4fa0', '#8a6d1d', '#444444']
Curves = Dict[str, List[Tuple[float, float]]]


def decades(values: List[float]) -> Tuple[int, int]:
    """The powers of ten around them."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def escaped(text: str) -> str:
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def tick(power: int) -> str:
    return f'{10**power:,}' if power >= 0 else f'{10.0**power:g}'


def scale(low: int, high: int, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (math.log10(value) - low) / (high - low) * (end - start)


def axes(x: Callable[[float], float], y: Callable[[float], float], across: Tuple[int, int], up: Tuple[int, int]) -> List[str]:
    drawn = []
    for power in range(across[0], across[1] + 1):
        at = x(10.0**power)
        drawn.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                     f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick(power)}</text>')
    for power in range(up[0], up[1] + 1):
        at = y(10.0**power)
        drawn.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick(power)}</text>')
    return drawn


def svg(title: str, across: str, up: str, curves: Curves) -> str:
    """Points that are not positive have no place on such axes and are left out."""
    shown = {name: sorted(point for point in points if min(point) > 0) for name, points in curves.items()}
    shown = {name: points for name, points in shown.items() if points}
    if not shown:
        raise ValueError(f'{title}: nothing to draw')
    wide = decades([at for points in shown.values() for at, _ in points])
    high = decades([at for points in shown.values() for _, at in points])
    x, y = scale(*wide, LEFT, WIDTH - RIGHT), scale(*high, HEIGHT - BOTTOM, TOP)
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><text x="{LEFT}" y="22" font-size="15">{escaped(title)}</text>']
    drawn += axes(x, y, wide, high)
    drawn.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escaped(across)}</text>'
                 f'<text transform="translate(18 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escaped(up)}</text>')
    for number, (name, points) in enumerate(shown.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x(across_at), y(up_at)) for across_at, up_at in points]
        drawn.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in places)}"/>')
        drawn += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>' for a, b in places]
        drawn.append(f'<rect x="{LEFT + 12}" y="{TOP + 8 + 18 * number}" width="12" height="4" fill="{colour}"/>'
                     f'<text x="{LEFT + 30}" y="{TOP + 14 + 18 * number}">{escaped(name)}</text>')
    return '\n'.join(drawn) + '\n</svg>\n'


def draw(path: Path, title: str, across: str, up: str, curves: Curves) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg(title, across, up, curves))
    print(f'drawn: {path}', flush=True)
