"""worker.py PEER OPERATION ROOT: prepares, measures once, prints one line of JSON. Run in the peer's environment.

worker.py writer PEER TABLE FILE is one of the writers of W10.
"""
import importlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/peers"]

import workloads  # noqa: E402


def main(peer_name, operation, root):
    peer = importlib.import_module(peer_name).Peer(workloads.Place(root))
    name, *arguments = operation.split(".")
    method = getattr(peer, operation.replace(".", "_"), None)
    sample = method() if method else getattr(peer, name)(*arguments)
    print("RESULT " + json.dumps(dict(sample, version=peer.version)), flush=True)
    os._exit(0)  # an engine's teardown is nobody's business


if __name__ == "__main__":
    if sys.argv[1] == "writer":
        importlib.import_module(sys.argv[2]).writer(*sys.argv[3:5])
    else:
        main(*sys.argv[1:4])
