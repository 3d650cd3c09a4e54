"""A second driver: joins the cluster at the address given, has shard 1 echo a greeting, prints it."""

import asyncio
import sys

from actors import cluster
from actors.ray_transport import RayTransport


def main(address: str) -> None:
    cluster.join(address)
    transport = RayTransport(cluster.find_shards(2, timeout_s=10))
    answer = asyncio.run(transport.call(1, b"hello from shard 1", 20))
    sys.stdout.write(answer.decode())
    cluster.leave()


if __name__ == "__main__":
    main(sys.argv[1])
