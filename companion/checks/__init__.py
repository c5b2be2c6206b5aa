"""The checkers of the exercises: each compares an answer with the real thing and names the likely mistake.

A checker tries the learner's function on random inputs (always the same ones, so that a verdict can be repeated) and
on the wrong ideas people usually have: an answer that agrees with one of those is told so by name. It returns a
`Verdict` and never raises for a wrong answer, so that a notebook runs through while it is still unanswered.
One file for each chapter.
"""

from companion.checks._compare import Verdict
from companion.checks.lenet import LayerQuestion, flattened_features, layer_question, rbf, subsample

__all__ = ["LayerQuestion", "Verdict", "flattened_features", "layer_question", "rbf", "subsample"]
