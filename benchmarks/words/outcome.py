"""What every benchmark here ends with: its result as JSON, on the screen and in a file, and the machine it came from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Cores, and how busy they were; None where the system does not say."""
    return {"cores": os.cpu_count(), "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def hand_in(result: dict[str, Any], out: Path | None) -> None:
    """Print the result and, where a file is named, write it there."""
    text = json.dumps(result, indent=1)
    print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
