// node embed.mjs DIST OUT.c: the files of a built dashboard as a C table (src/http/asset.h), for the program to carry.
//
// Each file is there as it is and, where that is smaller, compressed. Names below assets/ carry a hash and never change.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

async function list(dist) {
  const assets = await readdir(join(dist, "assets"));
  return ["index.html", ...assets.sort().map((name) => `assets/${name}`)];
}

function array(name, bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 32) lines.push(Array.from(bytes.subarray(at, at + 32), (byte) => `${byte},`).join(""));
  return `static const unsigned char ${name}[] = {\n${lines.join("\n")}\n};\n`;
}

async function describe(dist, path, index) {
  const type = types[extname(path)];
  if (!type) throw new Error(`${path}: no content type is known for this name`);
  const plain = await readFile(join(dist, path));
  const gzip = gzipSync(plain, { level: 9 });
  const smaller = gzip.length < plain.length;
  const etag = createHash("sha256").update(plain).digest("hex").slice(0, 16);
  const arrays = array(`plain_${index}`, plain) + (smaller ? array(`gzip_${index}`, gzip) : "");
  const row =
    `    {"/${path}", "${type}", {(const char *)plain_${index}, sizeof plain_${index}},\n` +
    `     ${smaller ? `{(const char *)gzip_${index}, sizeof gzip_${index}}` : "{NULL, 0}"}, "${etag}", ${path.startsWith("assets/")}},\n`;
  return { arrays, row };
}

async function main() {
  if (process.argv.length !== 4) {
    console.error("usage: node embed.mjs DIST OUT.c");
    process.exit(2);
  }
  const [, , dist, out] = process.argv;
  const files = await Promise.all((await list(dist)).map((path, index) => describe(dist, path, index)));
  const text =
    '/* Made by web/embed.mjs from web/. */\n#include "cli/dashboard.h"\n\n' +
    files.map((file) => file.arrays).join("\n") +
    "\nstatic const struct asset ROWS[] = {\n" +
    files.map((file) => file.row).join("") +
    "};\n\nconst struct asset_table DASHBOARD = {ROWS, sizeof ROWS / sizeof ROWS[0]};\n";
  await writeFile(out, text);
}

await main();
