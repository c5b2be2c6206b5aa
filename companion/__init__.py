"""The package behind *ConvNets, Computed*: every shape, count, model and figure of its chapters.

Each module is one idea and fits in one sitting: `shapes` (output sizes, receptive fields, counts; no torch),
`trace` (the table of any network), `models`, `data`, `train`, `plot`, `figures` (the live ones), `checks` (exercises).
"""

__version__ = "0.1.0"
