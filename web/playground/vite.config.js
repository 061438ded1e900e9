import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const own = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

// What GraphiQL brings along whole and needs in part. Together 3 MB of the bundle.
const replacements = [
  [/monaco-graphql\/esm\/monaco-editor(\.js)?$/, own("monaco.js")],
  [/^prettier\/(plugins\/estree|parser-babel)$/, own("jsonc.js")],
  [/^prettier\/parser-graphql$/, "prettier/plugins/graphql"],
];

export default defineConfig({
  base: "/static/playground/",
  resolve: {
    alias: replacements.map(([find, replacement]) => ({ find, replacement })),
    dedupe: ["graphql", "prettier", "react", "react-dom"],
  },
  build: {
    outDir: "../../server/static/playground",
    emptyOutDir: true,
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: "src/main.jsx",
      onwarn(warning, show) {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") show(warning);
      },
    },
  },
  worker: { format: "es" },
});
