"""A renderer's SVG made fit for the page: colours from the page's variables, the page's font, one accessible image.

Pictures are drawn with the stand-in colours of `COLOURS`; here they become CSS variables, so that one drawing serves light, dark and print.
What the renderer adds for its own accessibility tree goes: the page gives each picture one name and one description.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

INK, MUTED, GRID, DATA, ACCENT, SOFT, PAPER = (f"#0{number}0{number}0{number}" for number in range(1, 8))
GROUPS = tuple(f"#0{number}0{number}1{number}" for number in range(1, 9))
COLOURS = {INK: "ink", MUTED: "muted", GRID: "grid", DATA: "data", ACCENT: "accent", SOFT: "soft", PAPER: "paper"} | {colour: f"group{at}" for at, colour in enumerate(GROUPS)}
"""Stand-in colour of a drawing -> the page's variable."""
SPACE = "{http://www.w3.org/2000/svg}"
KEPT = frozenset({"d", "transform", "x", "x2", "y", "y2", "x1", "y1", "width", "height", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity",
                  "text-anchor", "font-size", "font-weight", "stroke-linejoin", "stroke-linecap", "stroke-miterlimit"})  # fmt: skip
DEFAULTS = {("font-weight", "normal"), ("stroke-miterlimit", "10"), ("text-anchor", "start"), ("transform", "translate(0,0)")}
DROPPED = frozenset({"clipPath", "defs", "style", "script", "a", "image", "foreignObject"})
LONG_FRACTION = re.compile(r"(\d\.\d)\d+")


def dress(drawing: str, name: str, *, title: str, alternative: str) -> str:
    """The SVG as it stands in the page.

    Args:
        drawing: what the renderer gave.
        name: unique on the page; the title gets the id `name`-t, the description `name`-d.
        title: accessible name.
        alternative: accessible description: what the picture shows.
    """
    root = ElementTree.fromstring(drawing)  # noqa: S314 - our own renderer's output, not a user's file
    width, height = root.get("width", "0"), root.get("height", "0")
    _strip(root)
    root.attrib.clear()
    root.attrib |= {
        "viewBox": f"0 0 {width} {height}",
        "width": width,
        "height": height,
        "role": "img",
        "aria-labelledby": f"{name}-t",
        "aria-describedby": f"{name}-d",
        "fill": "none",
    }
    for tag, suffix, text in (("desc", "d", alternative), ("title", "t", title)):
        element = ElementTree.Element(SPACE + tag, {"id": f"{name}-{suffix}"})
        element.text = text
        root.insert(0, element)
    ElementTree.register_namespace("", SPACE.strip("{}"))
    return ElementTree.tostring(root, encoding="unicode").replace(f' xmlns="{SPACE.strip("{}")}"', "", 1)


def _strip(parent: ElementTree.Element) -> None:
    for child in list(parent):
        if child.tag.removeprefix(SPACE) in DROPPED or _invisible(child):
            parent.remove(child)
            continue
        _strip(child)
        if child.tag == SPACE + "g" and not len(child):
            parent.remove(child)
        child.attrib = {key: _value(key, value) for key, value in child.attrib.items() if key in KEPT and (key, value) not in DEFAULTS}


def _invisible(element: ElementTree.Element) -> bool:
    """Whether nothing of it is seen: hidden, without a path, or a path without paint."""
    if element.get("display") == "none" or element.get("opacity") == "0" or element.get("fill") == "transparent":
        return True
    return element.tag == SPACE + "path" and (
        not element.get("d") or (element.get("class") in ("background", "foreground") and "stroke" not in element.attrib and "fill" not in element.attrib)
    )


def _value(key: str, value: str) -> str:
    if key in ("fill", "stroke"):
        return f"var(--{COLOURS[value]})" if value in COLOURS else value
    return LONG_FRACTION.sub(r"\1", value) if key in ("d", "transform", "x", "y", "x2", "y2", "width", "height") else value
