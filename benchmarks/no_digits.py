"""How often a network is unsure of what is no digit: printed characters, read as pictures are.

`python -m benchmarks.no_digits [--model models/model.onnx]` prints characters that no digit looks
like in the fonts that come with Matplotlib. In training the network met strokes of our own for the
first kind, never these fonts; of the others it met nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.table import Row, print_rows
from pipeline.config.composing import compose
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.serving import answer

CHARACTERS = {
    "letters and signs": "ACEFHJKLMNPRTUVWXYadefhkmnprtuvwx&#?+=*",
    "characters of other kinds": "ΔΨΩπΣЖЮЯДФИЛПЦШЩאבהدهعم€£@%♫☺√∞≈≠{}",
}
FONTS = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono", "cmr10")
SIDE = 220  # pixels
COMMAND = "python -m benchmarks.no_digits"


def main() -> None:
    """Print a row a kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    classifier = Classifier.load(parser.parse_args().model)
    threshold = compose([])["predict"]["unsure_below"]
    for kind, characters in CHARACTERS.items():
        pictures = [picture for font in FONTS for picture in printed(characters, font)]
        answers = answer(pictures, classifier, unsure_below=threshold)
        unsure = np.mean([each.status == "unsure" for each in answers])
        told = f"{unsure:.1%} of {len(answers)}"
        print_rows([Row(f"printed {kind}, answered with unsure", told, COMMAND)])


def printed(characters: str, font: str) -> list[NDArray[np.uint8]]:
    """Print those characters that the font has, black on white, uint8 (SIDE, SIDE) each."""
    file = Path(get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    known = FT2Font(str(file)).get_charmap()
    letters = ImageFont.truetype(str(file), SIDE // 2)
    pictures = []
    for character in characters:
        if ord(character) in known:
            page = Image.new("L", (SIDE, SIDE), 255)
            centre = (SIDE / 2, SIDE / 2)
            ImageDraw.Draw(page).text(centre, character, font=letters, fill=0, anchor="mm")
            pictures.append(np.asarray(page))
    return pictures


if __name__ == "__main__":
    main()
