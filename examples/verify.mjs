// Check a certificate through the API, and its receipt by yourself: node verify.mjs URL BUNDLE < TOKEN
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const [zero, one] = [Buffer.from([0]), Buffer.from([1])];

// RFC 9162 section 2.1.3.2: the tree head that this leaf and path lead to
function rootOf(leaf, index, size, path) {
  let [node, last] = [leaf, size - 1];
  for (const sibling of path) {
    if (index % 2 || index === last) {
      node = sha256(one, sibling, node);
      while (index % 2 === 0 && index) [index, last] = [index >> 1, last >> 1];
    } else node = sha256(one, node, sibling);
    [index, last] = [index >> 1, last >> 1];
  }
  return node;
}

const [url, file] = process.argv.slice(2);
const bundle = readFileSync(file);
const headers = { Authorization: `Bearer ${readFileSync(0, "utf8").trim()}`, "Content-Type": "application/vnd.ecert+json" };
const report = await (await fetch(`${url}/api/v1/verify`, { method: "POST", headers, body: bundle })).json();
console.log(report.verdict.national, report.verdict.code, report.verdict.text.en);
const jwt = JSON.parse(bundle).credential.split("~")[0];
const leaf = sha256(zero, sha256(Buffer.from(jwt))); // of my file, not of the answer
const path = report.receipt.path.map((sibling) => Buffer.from(sibling.slice(2), "hex"));
const root = rootOf(leaf, report.receipt.leaf_index, report.receipt.tree_size, path);
const included = `0x${root.toString("hex")}` === report.receipt.root;
console.log(included ? "receipt holds" : "receipt does NOT hold");
process.exit(report.accepted && included ? 0 : 1);
