"""Work in bulk as a script over redis-py does it: the measure of import and recalculation.

    python -m benchmarks.bulk.plain import URL FILE
    python -m benchmarks.bulk.plain rewrite URL PREFIX

``import`` checks nothing: each row of a CSV file is put, as JSON, at the end of its visitor's list.
``rewrite`` changes nothing: each value under a prefix is read and written once.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import redis

_AT_ONCE: Final = 500
_Thing = TypeVar("_Thing")


def import_rows(client: "redis.Redis", file: str) -> None:
    """Store the rows of a CSV file that has a column ``visitor``."""
    with Path(file).open(encoding="utf-8", newline="") as text:
        for rows in _batches(csv.DictReader(text)):
            pipeline = client.pipeline(transaction=False)
            for row in rows:
                pipeline.rpush(f"plain:{row['visitor']}", json.dumps(row))
            pipeline.execute()


def rewrite(client: "redis.Redis", prefix: str) -> None:
    """Read every value whose key begins with ``prefix``, and write it again."""
    for keys in _batches(client.scan_iter(match=f"{prefix}*", count=_AT_ONCE)):
        pipeline = client.pipeline(transaction=False)
        for key, value in zip(keys, client.mget(keys), strict=True):
            pipeline.set(key, value, keepttl=True)
        pipeline.execute()


def _batches(things: Iterable[_Thing]) -> Iterator[list[_Thing]]:
    left = iter(things)
    while batch := list(islice(left, _AT_ONCE)):
        yield batch


def main() -> None:
    """Run as the module says."""
    work, url, what = sys.argv[1:]
    with redis.Redis.from_url(url) as client:
        {"import": import_rows, "rewrite": rewrite}[work](client, what)


if __name__ == "__main__":
    main()
