"""Mutation testing: small faults are made in the rules one at a time, and some test must notice each.

    make mutants                                        all of them, going on where the last run stopped
    python -m tests.mutants --only plan --seconds 100   the mutants of one module, for at most so long
    python -m tests.mutants --survivors --tests room    again those that no test noticed, by tests with such names
    python -m tests.mutants --sample 100                a seeded choice, by the tests that are known to see most

`targets` says what is mutated, `operators` how, `suite` runs the tests, `judge` forks a process per mutant, `verdicts`
keeps what came of it, `known` reads the lists that are committed. docs/mutants.md has the figures and the survivors.
"""
