import { useState, useSyncExternalStore } from "react";
import { page } from "./page.js";
import { current, isDemo, signIn, signOut, subscribe } from "./session.js";

function SignIn() {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem("");
    try {
      await signIn(form.get("email"), form.get("password"));
    } catch (error) {
      setProblem(error.message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="sign-in" onSubmit={submit}>
      {problem && <span className="problem" role="alert">{problem}</span>}
      <input name="email" type="email" placeholder="E-mail" aria-label="E-mail" autoComplete="username" required />
      <input name="password" type="password" placeholder="Password" aria-label="Password" autoComplete="current-password" required />
      <button type="submit" disabled={busy}>Sign in</button>
    </form>
  );
}

function SignedIn({ email }) {
  return (
    <div className="who">
      <span>{email}</span>
      <button type="button" onClick={signOut}>Sign out</button>
    </div>
  );
}

export function Bar() {
  const session = useSyncExternalStore(subscribe, current);
  const [wantsAccount, setWantsAccount] = useState(false);

  return (
    <header className="bar">
      <span className="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M16 3c5 7 9 11.500 9 16.500A9 9 0 0 1 7 19.500C7 14.500 11 10 16 3Z" />
          <path className="shine" d="M12 20a4 4 0 0 0 4 4" />
        </svg>
        Dripgraph
      </span>
      {page.mailboxUrl && (
        <a href={page.mailboxUrl} target="_blank" rel="noopener">Mailbox</a>
      )}
      {session && <SignedIn email={session.email} />}
      {!session && isDemo() && !wantsAccount && (
        <div className="who">
          <span className="demo">{page.workspace ?? "Demo workspace"}</span>
          <button type="button" onClick={() => setWantsAccount(true)}>Use my account</button>
        </div>
      )}
      {!session && (!isDemo() || wantsAccount) && <SignIn />}
    </header>
  );
}
