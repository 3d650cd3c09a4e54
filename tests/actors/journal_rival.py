"""A shard's predecessor, in a process of its own.

Opens shard 0, appends a record, and one more for every line it reads. Says `open EPOCH`, then `durable SEQ` after
each append, or `fenced` when it learns that it was replaced.
"""

import sys
from pathlib import Path

from actors.journal import JournalFenced
from tests.actors.journal_stores import PostgresStore, SegmentStore, Store, next_record


def main(kind: str, where: str) -> None:
    store: Store = SegmentStore(Path(where)) if kind == "segments" else PostgresStore(where)
    journal = store.journal()
    opening = journal.open()
    say(f"open {opening.epoch}")
    while True:
        try:
            journal.append(next_record(journal, opening))
        except JournalFenced:
            say("fenced")
            return
        say(f"durable {journal.durable_seq}")
        if not sys.stdin.readline():
            return


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
