"""The live figures: Jupyter widgets that also work on a static page, without a kernel.

Each figure is a Python class (its state, as traits), a JavaScript file that opens with the figure's pure function,
and a stylesheet. What they share is in `_base.py`, `_base.js` and `_base.css`.
"""

from companion.figures.architecture import ArchitectureExplorer
from companion.figures.block_budget import BlockBudget
from companion.figures.convolution import ConvolutionPlayground
from companion.figures.logits import LogitsExplorer
from companion.figures.map_mixer import MapMixer
from companion.figures.network_chart import NetworkChart
from companion.figures.output_size import OutputSizeExplorer
from companion.figures.receptive_field import ReceptiveFieldExplorer

__all__ = [
    "ArchitectureExplorer", "BlockBudget", "ConvolutionPlayground", "LogitsExplorer", "MapMixer", "NetworkChart",
    "OutputSizeExplorer", "ReceptiveFieldExplorer",
]  # fmt: skip
