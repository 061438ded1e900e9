// Who asks. A visitor of the demo workspace holds a short token that came with the page; anyone
// else signs in. Tokens live in this browser tab only.
import { page, readPage } from "./page.js";

const STORED = "dripgraph:session";
const RENEW_BEFORE_MS = 30_000;

const listeners = new Set();
let session = stored();
let demoToken = page.token;
let renewal = null;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const current = () => session;
export const isDemo = () => !session && Boolean(demoToken);

function stored() {
  const text = sessionStorage.getItem(STORED);
  return text ? JSON.parse(text) : null;
}

function remember(next) {
  session = next;
  if (next) sessionStorage.setItem(STORED, JSON.stringify(next));
  else sessionStorage.removeItem(STORED);
  for (const listener of listeners) listener();
}

async function ask(query, variables) {
  const answer = await fetch(page.endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors?.length) throw new Error(errors[0].message);
  return data;
}

const SESSION = "session { accessToken refreshToken expiresAt } errors { message }";

function accepted(payload, email) {
  if (!payload.session) throw new Error(payload.errors[0].message);
  remember({ ...payload.session, email });
}

export async function signIn(email, password) {
  const data = await ask(
    `mutation SignIn($email: String!, $password: String!) {
      signIn(email: $email, password: $password) { ${SESSION} }
    }`,
    { email, password },
  );
  accepted(data.signIn, email);
}

export async function signOut() {
  const { refreshToken } = session;
  remember(null);
  await ask("mutation SignOut($token: String!) { signOut(refreshToken: $token) { errors { message } } }", {
    token: refreshToken,
  });
}

async function refresh() {
  const { email, refreshToken } = session;
  try {
    const data = await ask(
      `mutation RefreshSession($token: String!) { refreshSession(refreshToken: $token) { ${SESSION} } }`,
      { token: refreshToken },
    );
    accepted(data.refreshSession, email);
  } catch (error) {
    remember(null);
    throw new Error(`Your session has ended, please sign in again. (${error.message})`);
  }
}

// The demo's token is renewed the way it came: with the page.
async function renewDemo() {
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  demoToken = readPage(fresh).token;
}

function endOf(token) {
  const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  return claims.exp * 1000;
}

function isEnding() {
  const soon = Date.now() + RENEW_BEFORE_MS;
  if (session) return Date.parse(session.expiresAt) < soon;
  return Boolean(demoToken) && endOf(demoToken) < soon;
}

// The access token to send, renewed when it is about to end; null for a visitor.
export async function accessToken() {
  if (isEnding()) {
    renewal ??= (session ? refresh() : renewDemo()).finally(() => {
      renewal = null;
    });
    await renewal;
  }
  return session ? session.accessToken : demoToken;
}
