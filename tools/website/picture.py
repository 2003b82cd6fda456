"""The picture of an explorer in the README: ``python -m tools.website.picture``, and enter its sentence as alt text."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

from notebooks import build
from tests.browser import open_browser
from tools.website import pages

PICTURE = build.ROOT / "docs" / "explorer.png"
LESSON, NUMBER = "6", 0  # numbers and curves only: no photograph of anybody's
WIDTH = 880


def main() -> None:
    """Take the picture of one explorer as its page shows it, and print its sentence."""
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        path = pages.write_single(build.sources([LESSON])[0], folder=Path(folder))
        context = browser.new_context(viewport={"width": WIDTH + 60, "height": 900}, device_scale_factor=1.5)
        page = context.new_page()
        page.goto(path.as_uri())
        explorer = page.locator(".lesson-explorer").nth(NUMBER)
        explorer.locator(".lesson-panels").wait_for(state="attached")
        explorer.get_by_role("slider").first.press("End")
        taken = explorer.screenshot()
        sentence = explorer.locator(".lesson-sentence").inner_text()
    image = Image.open(io.BytesIO(taken)).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    image.save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB\n{sentence}")


if __name__ == "__main__":
    main()
