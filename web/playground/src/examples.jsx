// A panel of saved operations, by task; each opens in a tab of its own.
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { Kind, OperationTypeNode, parse } from "graphql";
import { useEffect } from "react";
import { page } from "./page.js";

// The comment above an operation says what it is for.
function described(example) {
  const comment = /^(#.*\n)+/.exec(example.query)?.[0] ?? "";
  const operations = parse(example.query).definitions.filter(
    ({ kind }) => kind === Kind.OPERATION_DEFINITION,
  );
  return {
    ...example,
    about: comment.replaceAll(/^# ?/gm, "").replaceAll("\n", " ").trim().split("`"),
    kind: operations[0].operation,
  };
}

const all = page.examples.map(described);
const tasks = [...new Set(all.map(({ task }) => task))].map((task) => ({
  task,
  examples: all.filter((example) => example.task === task),
}));

// What opens at first: the first of each task, where it changes nothing.
export const firstTabs = tasks
  .map(({ examples }) => examples[0])
  .filter(({ kind }) => kind !== OperationTypeNode.MUTATION);

function Icon(props) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" height="1em" {...props}>
      <path strokeLinecap="round" strokeLinejoin="round" d="M5 4h11l3 3v13H5Z M9 9.500h6 M9 13h6 M9 16.500h4" />
    </svg>
  );
}

function Panel() {
  const { addTab, changeTab, stop, updateActiveTabValues } = useGraphiQLActions();
  const tabs = useGraphiQL(({ tabs }) => tabs);
  const activeTab = useGraphiQL(({ activeTabIndex }) => activeTabIndex);
  const queryEditor = useGraphiQL(({ queryEditor }) => queryEditor);
  const variableEditor = useGraphiQL(({ variableEditor }) => variableEditor);

  // The strip of tabs may be longer than the window.
  useEffect(() => {
    const tab = document.querySelector('.graphiql-tabs [aria-selected="true"]');
    tab?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [activeTab]);

  function open({ query, variables }) {
    const place = tabs.findIndex((tab) => tab.query === query);
    if (place >= 0) {
      changeTab(place);
      return;
    }
    stop();
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
    updateActiveTabValues({ query, variables });
  }

  return (
    <section className="examples" aria-label="Examples">
      <h2>Examples</h2>
      {tasks.map(({ task, examples }) => (
        <section key={task} aria-label={task}>
          <h3>{task}</h3>
          <ul>
            {examples.map((example) => (
              <li key={example.title}>
                <button type="button" onClick={() => open(example)}>
                  <span className="title">{example.title}</span>
                  <span className={`kind ${example.kind}`}>{example.kind}</span>
                  <span className="about">
                    {example.about.map((text, place) => (place % 2 ? <code key={place}>{text}</code> : text))}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

export const examplesPlugin = { title: "Examples", icon: Icon, content: Panel };
