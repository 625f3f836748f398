"""Tree computation: from a change at the origin to the new tree."""

import json
import subprocess

from harness import table


def run(lab, options, show):
    show("paths: computing trees")
    repetitions = 3 if options.quick else 40
    done = subprocess.run([options.programs["paths"], str(repetitions)], stdout=subprocess.PIPE, check=True)
    return {"cases": json.loads(done.stdout)}


def report(results):
    cases = [case for case in results["cases"] if case["nodes"] >= 1000]
    return table(["graph", "nodes", "receivers", "policy", "by", "nodes in the tree", "full, ms", "join, ms", "leave, ms",
                  "death, ms"],
                 [[case[key] for key in ("graph", "nodes", "receivers", "policy", "metric", "tree_nodes", "full_ms", "join_ms",
                                         "leave_ms", "death_ms")] for case in cases])
