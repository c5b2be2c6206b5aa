"""The package behind *ConvNets, Computed*: every shape, count, model and figure of its chapters.

Each module is one idea and fits in one sitting. Sizes and counts: `shapes` (whole numbers, no torch), `trace` (the
table of any network; `recorder` and `operations` are how it is made). Networks: `models`. Training: `train`,
`evaluate`, `history`, `checkpoint`. The rest: `data`, `plot`, `figures` (the live ones), `checks` (the exercises').
"""

__version__ = "0.1.0"
