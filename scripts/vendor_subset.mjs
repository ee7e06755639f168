// A font with only the characters of a text: node vendor_subset.mjs FONT TEXT OUT [closure] (called by scripts/vendor).
import { readFileSync, writeFileSync } from "node:fs";
import subsetFont from "subset-font";

const [font, text, out, closure] = process.argv.slice(2);
writeFileSync(
  out,
  await subsetFont(readFileSync(font), readFileSync(text, "utf8"), {
    targetFormat: "woff2",
    noLayoutClosure: !closure, // our Chinese words need no wide, vertical or old forms; Tibetan is stacked by rules
  }),
);
