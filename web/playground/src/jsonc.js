// A prettier plugin for JSON with comments around the small formatter that GraphiQL has already,
// in place of Babel and its printer.
import { applyEdits, format } from "jsonc-parser";

const OPTIONS = { insertSpaces: true, tabSize: 2, eol: "\n" };

export const parsers = {
  jsonc: {
    astFormat: "formatted",
    parse: (text) => ({ text: applyEdits(text, format(text, undefined, OPTIONS)) }),
    locStart: () => 0,
    locEnd: (node) => node.text.length,
  },
};

export const printers = { formatted: { print: (path) => path.node.text } };
