"""The checkers of the exercises: each compares an answer with the real thing and names the likely mistake.

A checker tries the learner's function on random inputs (always the same ones, so that a verdict can be repeated) and
on the wrong ideas people usually have: an answer that agrees with one of those is told so by name. It returns a
`Verdict` and never raises for a wrong answer, so that a notebook runs through while it is still unanswered.
One file for each chapter; those of Part II are imported by their own names (`from companion.checks import resnet`).
"""

from companion.checks._compare import Verdict
from companion.checks.cam import CamQuestion, cam_question, class_map, upsample_nearest
from companion.checks.classification import (
    HeadQuestion,
    MetricsQuestion,
    cross_entropy,
    f1_per_class,
    head_question,
    metrics_question,
    multilabel_loss,
)
from companion.checks.convolution import (
    FieldQuestion,
    WindowQuestion,
    adaptive_pool,
    batch_norm,
    correlate,
    field_question,
    output_size,
    window_question,
)
from companion.checks.grad_cam import (
    GradCamQuestion,
    grad_cam_map,
    grad_cam_question,
    grad_cam_weights,
    softmax_gradient,
)
from companion.checks.lenet import LayerQuestion, flattened_features, layer_question, rbf, subsample
from companion.checks.trust import ChanceQuestion, chance_question, deletion_curve, energy_in_box, pointing_game

__all__ = [
    "CamQuestion", "ChanceQuestion", "FieldQuestion", "GradCamQuestion", "HeadQuestion", "LayerQuestion",
    "MetricsQuestion", "Verdict", "WindowQuestion", "adaptive_pool", "batch_norm", "cam_question", "chance_question",
    "class_map", "correlate", "cross_entropy", "deletion_curve", "energy_in_box", "f1_per_class", "field_question",
    "flattened_features", "grad_cam_map", "grad_cam_question", "grad_cam_weights", "head_question", "layer_question",
    "metrics_question", "multilabel_loss", "output_size", "pointing_game", "rbf", "softmax_gradient", "subsample",
    "upsample_nearest", "window_question",
]  # fmt: skip
