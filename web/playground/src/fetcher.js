// Queries and mutations over HTTP, subscriptions over graphql-transport-ws, at one address.
import { getOperationAST } from "graphql";
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

// One socket per subscription, so that each begins with a token that is still good.
async function* listen(request, headers) {
  const bearer = await authorization(headers);
  const client = createClient({
    url: socketAddress.href,
    connectionParams: bearer ? { authorization: bearer } : {},
  });
  try {
    yield* client.iterate(request);
  } finally {
    client.dispose();
  }
}

export function fetcher(request, { documentAST, headers } = {}) {
  const operation = documentAST && getOperationAST(documentAST, request.operationName || undefined);
  return operation?.operation === "subscription" ? listen(request, headers) : post(request, headers);
}
