import "./workers.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { Bar } from "./Bar.jsx";
import { fetcher } from "./fetcher.js";
import { page } from "./page.js";
import { storage } from "./storage.js";

createRoot(document.getElementById("root")).render(
  <>
    <Bar />
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      defaultTabs={page.examples}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>
        <span />
      </GraphiQL.Logo>
    </GraphiQL>
  </>,
);
