// Who asks: a person's session, whose tokens are renewed as they end, or a key for machines.
import { print } from 'graphql'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import {
  RefreshSessionDocument,
  SignInDocument,
  SignOutDocument,
  type FailureFragment,
  type TokensFragment,
} from './generated.js'

export interface Credentials {
  /** What the `Authorization` header says now. */
  authorization(): string
  /**
   * After the server has refused `used`: get another one. False when there is none to be had.
   * Throws SessionEnded when a person must sign in again.
   */
  renew(used: string): Promise<boolean>
}

export function apiKey(key: string): Credentials {
  return { authorization: () => `Bearer ${key}`, renew: () => Promise.resolve(false) }
}

/** Expected failures, as every payload lists them in `errors`. */
export class Refused extends Error {
  readonly failures: readonly FailureFragment[]

  constructor(failures: readonly FailureFragment[]) {
    super(failures.map((one) => (one.field ? `${one.field}: ${one.message}` : one.message)).join(' '))
    this.name = 'Refused'
    this.failures = failures
  }
}

export class SessionEnded extends Refused {
  constructor(failures: readonly FailureFragment[]) {
    super(failures)
    this.name = 'SessionEnded'
  }
}

export class Session implements Credentials {
  readonly #url: string
  readonly #onTokens: ((tokens: TokensFragment) => void) | undefined
  #tokens: TokensFragment
  #renewing: Promise<void> | undefined

  /** `onTokens` hears of each new pair, so that it can be kept: a refresh token works once. */
  constructor(url: string, tokens: TokensFragment, onTokens?: (tokens: TokensFragment) => void) {
    this.#url = url
    this.#tokens = tokens
    this.#onTokens = onTokens
  }

  /** Throws Refused when the address or password is wrong. */
  static async signIn(
    url: string,
    email: string,
    password: string,
    onTokens?: (tokens: TokensFragment) => void,
  ): Promise<Session> {
    const { session, errors } = (await post(url, SignInDocument, { email, password })).signIn
    if (!session) throw new Refused(errors)
    onTokens?.(session)
    return new Session(url, session, onTokens)
  }

  authorization(): string {
    return `Bearer ${this.#tokens.accessToken}`
  }

  async renew(used: string): Promise<boolean> {
    // Several requests fail together when a token ends: one renews it, the others wait for that.
    if (used === this.authorization()) {
      this.#renewing ??= this.#renew().finally(() => (this.#renewing = undefined))
      await this.#renewing
    }
    return true
  }

  async signOut(): Promise<void> {
    await post(this.#url, SignOutDocument, { refreshToken: this.#tokens.refreshToken })
  }

  async #renew(): Promise<void> {
    const { refreshToken } = this.#tokens
    const answer = await post(this.#url, RefreshSessionDocument, { refreshToken })
    const { session, errors } = answer.refreshSession
    if (!session) throw new SessionEnded(errors)
    this.#tokens = session
    this.#onTokens?.(session)
  }
}

/** One operation without any client; for those by which clients get their credentials. */
async function post<Data, Variables>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query: print(document), variables }),
  })
  const answer = (await response.json()) as { data?: Data | null; errors?: { message: string }[] }
  if (!answer.data) {
    throw new Error(answer.errors?.map((error) => error.message).join(' ') ?? response.statusText)
  }
  return answer.data
}
