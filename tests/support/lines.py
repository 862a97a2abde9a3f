"""Pictures of bars in lines, and a network that sees a digit in each of them."""

from types import SimpleNamespace

import cv2
import numpy as np

from pipeline.digits.recognition.lines.format import HEIGHT, NONE, STRIDE
from pipeline.digits.recognition.lines.reader import LineReader


class FakeSession:
    """Says of each object in some share of a strip the digit of its number from the left."""

    def __init__(self, sure=0.95, share=1.0):
        self.sure, self.share = sure, share

    def get_inputs(self):
        return [SimpleNamespace(name="pixels", shape=[None, HEIGHT, None])]

    def run(self, _, inputs):
        return [np.stack([self.answer(strip) for strip in inputs["pixels"]])]

    def answer(self, strip):
        answers = np.zeros((strip.shape[1] // STRIDE, 11), np.float32)
        answers[:, NONE] = 1
        _, _, stats, _ = cv2.connectedComponentsWithStats((strip < 128).astype(np.uint8))
        end = self.share * strip.shape[1]
        seen = sorted(each[:4].tolist() for each in stats[1:] if each[3] > 8 and each[0] < end)
        for number, (left, _, width, _) in enumerate(seen):
            place = int((left + width / 2) / STRIDE)
            answers[place, [number % 10, NONE]] = self.sure, 1 - self.sure
        return answers


def bar_reader(**settings):
    """Return a reader that counts the bars of a line: 0, 1, 2 …"""
    return LineReader(FakeSession(**settings), slope=1.0, offset=0.0)


def bars(*lines, size=(200, 300), height=40, rise=0.0):
    """Draw bars, a tuple of left edges a line, dark on light; lines 80 pixels apart."""
    picture = np.full(size, 230, np.uint8)
    for number, lefts in enumerate(lines):
        for left in lefts:
            top = round(20 + 80 * number + rise * left)
            picture[top : top + height, left : left + 8] = 40
    return picture


def write_number(folder):
    """Compose a number of MNIST's digits on paper; return the picture."""
    from benchmarks import whole_numbers
    from pipeline.digits.datasets.mnist import mnist_5000

    folder.mkdir()
    writer = whole_numbers.Writer(mnist_5000().test, np.random.default_rng(3))
    picture = whole_numbers.KINDS["3 to 7 digits"](writer).picture
    cv2.imwrite(str(folder / "number.png"), picture)
    return picture
