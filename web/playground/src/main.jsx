import "./workers.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { Bar } from "./Bar.jsx";
import { examplesPlugin, firstTabs } from "./examples.jsx";
import { fetcher } from "./fetcher.js";
import { storage } from "./storage.js";

const PANEL = "panel";
const plugins = [examplesPlugin, { ...explorerPlugin(), title: "Explorer" }, HISTORY_PLUGIN];
// The examples are open until somebody closes the panel.
const firstPanel = storage.getItem(PANEL) === "closed" ? undefined : examplesPlugin;
const rememberPanel = (plugin) => storage.setItem(PANEL, plugin ? "open" : "closed");

createRoot(document.getElementById("root")).render(
  <>
    <Bar />
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      defaultTabs={firstTabs}
      plugins={plugins}
      visiblePlugin={firstPanel}
      onTogglePluginVisibility={rememberPanel}
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
