// node build.mjs OUT: bundles the dashboard into the folder OUT, which is emptied first.
//
// index.html names everything else relative to itself, so the folder works under any path prefix. The names in assets/ carry a hash
// of the content and may be cached for ever; index.html may not. The same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const maxScriptBytes = 60 * 1024;
const bundledPackages = ["preact", "uplot"];

async function bundle() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.tsx" },
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
    outdir: "out",
    entryNames: "[name]",
    write: false,
    logLevel: "warning",
  });
  return result.outputFiles.map((file) => ({ name: file.path.endsWith(".css") ? "app.css" : "app.js", bytes: Buffer.from(file.contents) }));
}

async function licenses() {
  const texts = await Promise.all(
    bundledPackages.map(async (name) => `${name}\n\n${await readFile(join(here, "node_modules", name, "LICENSE"), "utf8")}`),
  );
  return { name: "licenses.txt", bytes: Buffer.from(texts.join("\n\n")) };
}

function hashedName({ name, bytes }) {
  const [stem, extension] = name.split(".");
  return `assets/${stem}-${createHash("sha256").update(bytes).digest("hex").slice(0, 10)}.${extension}`;
}

async function main() {
  if (process.argv.length !== 3) {
    console.error("usage: node build.mjs OUT");
    process.exit(2);
  }
  const out = resolve(process.argv[2]);
  const files = [
    ...(await bundle()),
    { name: "icon.svg", bytes: await readFile(join(here, "src/icon.svg")) },
    await licenses(),
  ];
  const script = gzipSync(files.find((file) => file.name === "app.js").bytes, { level: 9 }).length;
  if (script > maxScriptBytes) {
    throw new Error(`app.js is ${script} bytes compressed; at most ${maxScriptBytes} are allowed`);
  }

  await rm(out, { recursive: true, force: true });
  await mkdir(join(out, "assets"), { recursive: true });
  let page = await readFile(join(here, "index.html"), "utf8");
  for (const file of files) {
    const key = file.name === "icon.svg" ? "icon" : file.name === "licenses.txt" ? "licenses" : file.name.split(".")[1];
    page = page.replace(`{{${key}}}`, hashedName(file));
    await writeFile(join(out, hashedName(file)), file.bytes);
  }
  await writeFile(join(out, "index.html"), page);
  console.log(`app.js: ${(script / 1024).toFixed(1)} KiB compressed`);
}

await main();
