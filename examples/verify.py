"""Check a certificate through the API, and its receipt by yourself: python verify.py URL BUNDLE < TOKEN."""

import hashlib
import json
import sys
import urllib.request


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.3.2: the tree head that this leaf and path lead to."""
    node, last = leaf, size - 1
    for sibling in path:
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node


url, file, token = sys.argv[1], sys.argv[2], sys.stdin.readline().strip()
bundle = open(file, "rb").read()
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.ecert+json"}
report = json.load(urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/verify", bundle, headers)))
print(report["verdict"]["national"], report["verdict"]["code"], report["verdict"]["text"]["en"])
receipt, jwt = report["receipt"], json.loads(bundle)["credential"].split("~")[0]
leaf = hashlib.sha256(
    b"\x00" + hashlib.sha256(jwt.encode()).digest()
).digest()  # of my file, not of the answer
path = [bytes.fromhex(sibling[2:]) for sibling in receipt["path"]]
is_included = root_of(leaf, receipt["leaf_index"], receipt["tree_size"], path).hex() == receipt["root"][2:]
print("receipt holds" if is_included else "receipt does NOT hold")
sys.exit(0 if report["accepted"] and is_included else 1)
