"""The live figures: Jupyter widgets that also work on a static page, without a kernel.

Each figure is a Python class (its state, as traits), a JavaScript file that opens with the figure's pure function,
and a stylesheet. What they share is in `_base.py`, `_base.js` and `_base.css`.
"""

from companion.figures.map_mixer import MapMixer
from companion.figures.output_size import OutputSizeExplorer

__all__ = ["MapMixer", "OutputSizeExplorer"]
