// One face for both clients, so that both are held to the same.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import type { ApolloClient } from '@apollo/client'
import { CombinedGraphQLErrors } from '@apollo/client/errors'
import type { AnyVariables, Client as Urql } from '@urql/core'
import { Kind, type DocumentNode } from 'graphql'
import { map, pipe, toAsyncIterable } from 'wonka'
import { apolloClient } from '../src/apollo.js'
import type { Connection } from '../src/live.js'
import { urqlClient } from '../src/urql.js'

export interface Face {
  /** The data; throws the failure with the codes of top-level errors. */
  run<Data, Variables extends AnyVariables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Data>
  watch<Data, Variables extends AnyVariables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): AsyncIterator<Data, undefined>
}

export class Failed extends Error {
  readonly codes: unknown[]
  constructor(codes: unknown[], cause: unknown) {
    super('failed', { cause })
    this.codes = codes
  }
}

export const makers: Record<string, (connection: Connection) => Face> = {
  apollo: (connection) => apolloFace(apolloClient(connection)),
  urql: (connection) => urqlFace(urqlClient(connection)),
}

function apolloFace(client: ApolloClient): Face {
  return {
    async run(document, variables) {
      try {
        const given = { variables: variables as Record<string, unknown>, fetchPolicy: 'no-cache' } as const
        const { data } = isMutation(document)
          ? await client.mutate({ ...given, mutation: document as DocumentNode })
          : await client.query({ ...given, query: document as DocumentNode })
        return data as never
      } catch (error) {
        if (!CombinedGraphQLErrors.is(error)) throw error
        throw new Failed(error.errors.map((one) => one.extensions?.['code']), error)
      }
    },
    watch(document, variables) {
      const results = client.subscribe({
        query: document as DocumentNode,
        variables: variables as Record<string, unknown>,
      })
      return queued((next, failed) => {
        const running = results.subscribe({
          next: ({ data, error }) => (error ? failed(error) : next(data as never)),
          error: failed,
        })
        return () => running.unsubscribe()
      })
    },
  }
}

function urqlFace(client: Urql): Face {
  return {
    async run(document, variables) {
      const context = { requestPolicy: 'network-only' } as const
      const { data, error } = isMutation(document)
        ? await client.mutation(document, variables, context).toPromise()
        : await client.query(document, variables, context).toPromise()
      if (error?.networkError) throw error.networkError
      if (error) throw new Failed(error.graphQLErrors.map((one) => one.extensions['code']), error)
      return data as never
    },
    watch(document, variables) {
      return pipe(
        client.subscription(document, variables),
        map(({ data, error }) => {
          if (error) throw error
          return data as never
        }),
        toAsyncIterable,
      )[Symbol.asyncIterator]()
    },
  }
}

function isMutation(document: DocumentNode): boolean {
  return document.definitions.some(
    (one) => one.kind === Kind.OPERATION_DEFINITION && one.operation === 'mutation',
  )
}

function queued<Value>(
  start: (next: (value: Value) => void, failed: (error: unknown) => void) => () => void,
): AsyncIterator<Value, undefined> {
  const values: Value[] = []
  let failure: { error: unknown } | undefined
  let wake = (): void => undefined
  const stop = start(
    (value) => {
      values.push(value)
      wake()
    },
    (error) => {
      failure = { error }
      wake()
    },
  )
  return {
    async next() {
      while (values.length === 0 && !failure) await new Promise<void>((done) => (wake = done))
      if (values.length > 0) return { done: false, value: values.shift()! }
      throw failure!.error
    },
    async return() {
      stop()
      return { done: true, value: undefined }
    },
  }
}
