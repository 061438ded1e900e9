// Writes the licences of everything that may be in the bundle beside it. Monaco carries further
// libraries inside its own sources and names them in its notices.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const shipped = Object.entries(lock.packages)
  .filter(([path, entry]) => path && !entry.dev && !entry.optional && !path.includes("/@types/"))
  .map(([path]) => path)
  .sort();

const texts = shipped.map((path) => {
  const { name, version, license } = JSON.parse(readFileSync(`${path}/package.json`, "utf8"));
  const files = readdirSync(path).filter((file) => /^(licen[cs]e|notice|thirdpartynotices)/i.test(file));
  const bodies = files.map((file) => readFileSync(`${path}/${file}`, "utf8").replaceAll("\r\n", "\n").trim());
  return [`${name} ${version} (${license})`, ...bodies].join("\n\n");
});

const target = "../../server/static/playground";
if (!existsSync(target)) throw new Error(`${target} is not built yet`);
writeFileSync(`${target}/LICENCES.txt`, texts.join(`\n\n${"-".repeat(79)}\n\n`) + "\n");
console.log(`LICENCES.txt: ${shipped.length} packages`);
