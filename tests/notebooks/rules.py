"""All rules for chapters. A rule takes a `Chapter` and returns what is wrong with it: a list of sentences."""

import rules_code
import rules_exercises
import rules_markdown
import rules_numbers
import rules_outputs

RULES = [
    *rules_outputs.RULES,
    *rules_code.RULES,
    *rules_markdown.RULES,
    *rules_numbers.RULES,
    *rules_exercises.RULES,
]
