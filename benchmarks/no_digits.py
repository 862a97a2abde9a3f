"""Measure how often a network is unsure of what is no digit, and of what is one.

`python -m benchmarks.no_digits [--model models/model.onnx] [--fonts FILE …]` renders characters
that look like no digit, in the fonts that come with Matplotlib and in those given, and cuts pieces
of all sizes out of the two photographs that come with scikit-learn. The network was trained on
characters of the first kind, but in none of these fonts. It was not trained on the others.

Certainty is the probability that there is a digit, and that one. AUROC: how often a test digit of
MNIST is read with more certainty than such a picture. FPR95: the share of these pictures that are
read with more certainty than the least certain 5 % of the digits.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

from benchmarks.predicting import model_parser, predict
from benchmarks.table import Row, print_rows
from pipeline.digits.datasets.mnist import mnist
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.recognition.digit import Prediction
from pipeline.digits.robustness.ranking import Scores, auroc, fpr_at_95_tpr
from pipeline.system.arrays import Pixels

LETTERS = "ACEFHJKLMNPRTUVWXYadefhkmnprtuvwx&#?+=*"
OTHERS = "ΔΨΩπΣЖЮЯДФИЛПЦШЩאבהדهعم€£@%♫☺√∞≈≠{}"
FONTS = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono", "cmr10")
PICTURE_SIDE = 220  # pixels
CUTTINGS, SMALLEST_CUTTING = 200, 28  # number; pixels a side
COMMAND = "python -m benchmarks.no_digits"


def main() -> None:
    """Print a row for each kind."""
    parser = model_parser(__doc__)
    parser.add_argument("--fonts", nargs="*", type=Path, default=[], help="TrueType or OpenType")
    arguments = parser.parse_args()
    classifier = Classifier.load(arguments.model)
    digits = predict(list(mnist().test.images), classifier)
    print_rows([Row("MNIST's test digits, answered with unsure", _unsure(digits), COMMAND)])
    bundled = [Path(get_data_path()) / "fonts" / "ttf" / f"{font}.ttf" for font in FONTS]
    kinds = {
        "printed letters and signs": _all_printed(LETTERS, bundled),
        "printed characters of other kinds": _all_printed(OTHERS, bundled),
        "letters and signs in the fonts given": _all_printed(LETTERS, arguments.fonts),
        "cuttings of photographs": cuttings(load_sample_images().images, CUTTINGS),
    }
    for kind, pictures in kinds.items():
        if pictures:
            row = compared(digits, predict(pictures, classifier))
            print_rows([Row(f"{kind}, answered with unsure", row, COMMAND)])


def compared(digits: Sequence[Prediction], others: Sequence[Prediction]) -> str:
    """Describe how well the network tells digits from other pictures."""
    high, low = _scores(digits), _scores(others)
    ranked = f"AUROC {auroc(high, low):.3f}, FPR95 {fpr_at_95_tpr(high, low):.1%}"
    return f"{_unsure(others)}; {ranked}"


def _scores(answers: Sequence[Prediction]) -> Scores:
    return np.array([each.of_a_digit * each.confidence for each in answers])


def _unsure(answers: Sequence[Prediction]) -> str:
    return f"{np.mean([each.status != 'ok' for each in answers]):.1%} of {len(answers)}"


def _all_printed(characters: str, fonts: Sequence[Path]) -> list[Pixels]:
    return [picture for font in fonts for picture in printed(characters, font)]


def printed(characters: str, font: Path) -> list[Pixels]:
    """Render the characters that the font has, black on white, each PICTURE_SIDE large."""
    known = FT2Font(str(font)).get_charmap()
    letters = ImageFont.truetype(str(font), PICTURE_SIDE // 2)
    pictures = []
    for character in characters:
        if ord(character) in known:
            page = Image.new("L", (PICTURE_SIDE, PICTURE_SIDE), 255)
            centre = (PICTURE_SIDE / 2, PICTURE_SIDE / 2)
            ImageDraw.Draw(page).text(centre, character, font=letters, fill=0, anchor="mm")
            pictures.append(np.asarray(page))
    return pictures


def cuttings(photographs: Sequence[Pixels], count: int) -> list[Pixels]:
    """Cut squares of all sizes out of photographs, (h, w, 3), by turns; small ones are likelier."""
    rng = np.random.default_rng(0)
    pieces = []
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        largest = min(photograph.shape[:2])
        side = int(np.exp(rng.uniform(np.log(SMALLEST_CUTTING), np.log(largest - 1))))
        top, left = (int(rng.integers(length - side)) for length in photograph.shape[:2])
        pieces.append(np.ascontiguousarray(photograph[top : top + side, left : left + side]))
    return pieces


if __name__ == "__main__":
    main()
