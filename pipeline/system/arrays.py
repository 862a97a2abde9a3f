"""Names for kinds of arrays that many modules share."""

import numpy as np
from numpy.typing import NDArray

# Grey or RGB values, or ink, 0..255; in a mask 0 and 1.
Pixels = NDArray[np.uint8]
