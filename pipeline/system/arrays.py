"""Array types that many modules share."""

import numpy as np
from numpy.typing import NDArray

# Grey, RGB or ink values, 0..255; in a mask, 0 and 1.
Pixels = NDArray[np.uint8]
