"""The package behind *ConvNets, Computed*: every shape, count, model and figure of its chapters.

Each module is one idea and fits in one sitting. Sizes and counts: `shapes` (whole numbers, no torch), `trace` (the
table of any network; `recorder` and `operations` are how it is made), `receptive` (fields measured from gradients).
Networks: `models`, and those with published weights, `weights`, whose `pretrained` is also `companion.pretrained`;
`architectures`, the layers of all of them as data. Training: `train`, `evaluate`, `history`, `checkpoint`, and
`several_sizes` and `degradation`, the experiments of chapters 6 and 7. Heat maps: `cam`, `cam_layer`, `cam_scores`,
`explorer`. The rest: `data`, `plot` and the figures of single chapters beside it, `figures` (the live ones), `checks`
(the exercises').
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    """Imports `pretrained` when it is first asked for: `companion` alone must not wait for torch."""
    if name == "pretrained":
        from companion.weights import pretrained

        return pretrained
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
