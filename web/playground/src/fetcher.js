// Queries and mutations over HTTP, subscriptions over graphql-transport-ws, at one address.
import { Kind, OperationTypeNode, parse } from "graphql";
import { createClient } from "graphql-ws";
import { page } from "./page.js";
import { accessToken } from "./session.js";

const socketAddress = new URL(page.endpoint, location.href);
socketAddress.protocol = socketAddress.protocol === "https:" ? "wss:" : "ws:";

async function authorization(headers) {
  const own = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "authorization");
  if (own) return own[1];
  const token = await accessToken();
  return token ? `Bearer ${token}` : undefined;
}

async function post(request, headers) {
  const bearer = await authorization(headers);
  const answer = await fetch(page.endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json",
      ...headers,
      ...(bearer && { authorization: bearer }),
    },
    body: JSON.stringify(request),
  });
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${answer.status}: ${text.slice(0, 500)}`);
  }
}

// One socket per subscription, so that each begins with a token that is still good. A socket that
// breaks is opened again for about seven seconds.
async function* listen(request, headers) {
  const client = createClient({
    url: socketAddress.href,
    retryAttempts: 3,
    connectionParams: async () => {
      const bearer = await authorization(headers);
      return bearer ? { authorization: bearer } : {};
    },
  });
  try {
    yield* client.iterate(request);
  } catch (problem) {
    if (!(problem instanceof CloseEvent)) throw problem;
    throw new Error(`The server closed the subscription: ${problem.code} ${problem.reason}`.trim());
  } finally {
    client.dispose();
  }
}

// GraphiQL learns of the operations in its editor a moment after a tab is opened; whoever presses
// play within that moment still gets the operation that is on the screen.
function operationsIn(query) {
  try {
    return parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  } catch {
    return []; // The server says what is wrong with the text.
  }
}

export function fetcher({ operationName, ...request }, { headers } = {}) {
  const operations = operationsIn(request.query);
  const named = operations.find(({ name }) => name?.value === operationName);
  const chosen = named ?? (operations.length === 1 ? operations[0] : undefined);
  if (named || !chosen) request.operationName = operationName;
  const ask = chosen?.operation === OperationTypeNode.SUBSCRIPTION ? listen : post;
  return ask(request, headers);
}
