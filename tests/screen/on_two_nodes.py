"""A run on a Ray cluster of two nodes on this machine, one of which is killed. A script, so that Ray stays out of the
test's own process: `on_two_nodes.py SOURCE OUT`. It prints how many shards each answer was for."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ray.cluster_utils import Cluster

from firstlight.screen import runs
from firstlight.screen.cluster import RayCluster
from firstlight.screen.launch import Done
from firstlight.screen.shard import Settings

SMALL = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


def main(source: str, out: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args=SMALL)
    doomed = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    os.environ["RAY_ADDRESS"] = cluster.address
    settings = Settings(Path(out))
    answers: list[str] = []

    def watch(_progress: runs.Progress, done: Done) -> None:
        answers.append(done.shard.ident)
        if len(answers) == 1:
            cluster.remove_node(doomed, allow_graceful=False)

    runs.prepare(settings, [source], keep=False)
    report = runs.run(settings, RayCluster(), watch=watch)
    cluster.shutdown()  # type: ignore[no-untyped-call]
    sys.stdout.write(json.dumps({"answers": answers, "report": report.model_dump(mode="json")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
