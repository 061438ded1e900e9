// Apollo Client 4: uploads, subscriptions, and tokens that are renewed when they end.
import { ApolloClient, ApolloLink, InMemoryCache } from '@apollo/client'
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors'
import { SetContextLink } from '@apollo/client/link/context'
import { ErrorLink } from '@apollo/client/link/error'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs'
import { OperationTypeNode } from 'graphql'
import { from, mergeMap, of, throwError, type Observable } from 'rxjs'
import type { Credentials } from './credentials.js'
import { liveClient, type Connection } from './live.js'

export function apolloClient(connection: Connection): ApolloClient {
  const { url, credentials } = connection
  const http = ApolloLink.from([
    renewing(credentials),
    new SetContextLink(({ headers }) => {
      const authorization = credentials.authorization()
      return { authorization, headers: { ...(headers as object), authorization } }
    }),
    // Mutations are sent whole: a file cannot be sent twice.
    ApolloLink.split(isQuery, new PersistedQueryLink({ sha256 })),
    new UploadHttpLink({ uri: url, includeExtensions: true }),
  ])
  const live = new GraphQLWsLink(liveClient(connection))
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(isSubscription, live, http),
  })
}

function isQuery({ operationType }: ApolloLink.Operation): boolean {
  return operationType === OperationTypeNode.QUERY
}

function isSubscription({ operationType }: ApolloLink.Operation): boolean {
  return operationType === OperationTypeNode.SUBSCRIPTION
}

/** Sends an operation once more with a new token, after the server has refused the old one. */
function renewing(credentials: Credentials): ApolloLink {
  return new ErrorLink(({ error, result, operation, forward }) => {
    if (!isUnauthenticated(error)) return
    const used = String(operation.getContext()['authorization'])
    const unchanged = (): Observable<ApolloLink.Result> =>
      result ? of(result) : throwError(() => error)
    return from(credentials.renew(used)).pipe(
      mergeMap((isRenewed) => (isRenewed ? forward(operation) : unchanged())),
    )
  })
}

function isUnauthenticated(error: unknown): boolean {
  if (ServerError.is(error)) return error.statusCode === 401
  return (
    CombinedGraphQLErrors.is(error) &&
    error.errors.some((one) => one.extensions?.['code'] === 'UNAUTHENTICATED')
  )
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
