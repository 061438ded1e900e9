import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const own = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

// What GraphiQL brings along whole and needs in part. Together 3 MB of the bundle.
const replacements = [
  [/monaco-graphql\/esm\/monaco-editor(\.js)?$/, own("monaco.js")],
  [/^prettier\/(plugins\/estree|parser-babel)$/, own("jsonc.js")],
  [/^prettier\/parser-graphql$/, "prettier/plugins/graphql"],
];

// The explorer was written for GraphQL.js before 17, where a default value had another name: it
// would take every argument for a required one.
const REQUIRED = "(0, _graphql.isNonNullType)(arg.type) && arg.defaultValue === undefined";
const knowsDefaults = {
  name: "explorer-knows-defaults",
  transform(code, id) {
    if (!id.endsWith("/graphiql-explorer/dist/Explorer.js")) return null;
    if (!code.includes(REQUIRED)) throw new Error(`${id} is not what it was: look at it again`);
    return code.replace(REQUIRED, "(0, _graphql.isRequiredArgument)(arg)");
  },
};

export default defineConfig({
  plugins: [knowsDefaults],
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
