"""What holds of every checker of an exercise, as tests: each test_checks*.py takes them for its own."""

import pytest
import torch

UNFINISHED = [lambda *_: None, lambda *_: ..., lambda *_: 1 / 0]


def rules(checks, solutions: dict, wrong: list) -> type:
    """A class of tests. solutions: name of the checker → right answer; wrong: (name, answer, word in the verdict)."""

    class TestCheckers:
        @pytest.mark.parametrize("name", solutions)
        def test_solution_passes(self, name):
            verdict = getattr(checks, name)(solutions[name])
            assert verdict and repr(verdict).startswith("Right.")

        @pytest.mark.parametrize("name, answer, word", wrong)
        def test_wrong_answer_fails_and_is_named(self, name, answer, word):
            verdict = getattr(checks, name)(answer)
            assert not verdict
            assert word in verdict.message

        @pytest.mark.parametrize("name", solutions)
        @pytest.mark.parametrize("answer", UNFINISHED)
        def test_unfinished_or_broken_answer_is_no_error(self, name, answer):
            assert not getattr(checks, name)(answer)

        @pytest.mark.parametrize("name", solutions)
        def test_the_input_is_the_checkers_own(self, name):
            """An answer that changes its input in place must not change the expected value with it."""

            def vandal(*arguments):
                result = solutions[name](*arguments)
                for argument in arguments:
                    if torch.is_tensor(argument):
                        argument.zero_()
                return result

            assert getattr(checks, name)(vandal)

    return TestCheckers
