"""`python -m tests.simulation --seed N` plays one seed; `--seeds N` as many, on all cores. See docs/simulation.md."""

import argparse
import logging
import sys

from tests.simulation import kernels_cached


def main() -> int:
    """0 = nothing is wrong."""
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and say what is wrong with it")
    parser.add_argument("--seeds", type=int, default=0, help="play so many")
    parser.add_argument("--first", type=int, default=0, help="from this one on")
    parser.add_argument("--commands", type=int, default=0, help="in each")
    parser.add_argument("--verbose", action="store_true", help="with what the shards say")
    given = parser.parse_args()
    kernels_cached()
    from tests.simulation.pool import Failed, play_all
    from tests.simulation.report import never_happened, replay, table, total
    from tests.simulation.run import COMMANDS, Ran, run

    commands = given.commands or COMMANDS
    if not given.verbose:
        logging.disable(logging.CRITICAL)
    if given.seed is not None:
        sys.stdout.write(table([run(given.seed, commands)]) + "\n")
        return 0
    ran: list[Ran] = []
    failed: list[Failed] = []
    for played in play_all(range(given.first, given.first + given.seeds), commands):
        if isinstance(played, Ran):
            ran.append(played)
        else:
            failed.append(played)
            sys.stdout.write(f"seed {played.seed}: {played.reason}\n  {replay(played.seed, commands)}\n")
            sys.stdout.flush()
    sys.stdout.write(table(ran) + "\n")
    if never := never_happened(total(ran)):
        sys.stdout.write(f"never happened: {', '.join(never)}\n")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
