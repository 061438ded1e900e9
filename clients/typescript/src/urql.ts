// urql 6: it sends files by itself; subscriptions, and tokens that are renewed when they end.
import {
  cacheExchange,
  createClient,
  fetchExchange,
  subscriptionExchange,
  type Client,
  type CombinedError,
  type ExecutionResult,
} from '@urql/core'
import { authExchange } from '@urql/exchange-auth'
import { liveClient, type Connection } from './live.js'

export function urqlClient(connection: Connection): Client {
  const { url, credentials } = connection
  const live = liveClient(connection)
  return createClient({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      authExchange((utilities) => {
        let used = ''
        return Promise.resolve({
          addAuthToOperation(operation) {
            used = credentials.authorization()
            return utilities.appendHeaders(operation, { authorization: used })
          },
          didAuthError: isUnauthenticated,
          async refreshAuth() {
            await credentials.renew(used)
          },
        })
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: live.subscribe(
              { query, variables: variables ?? null },
              {
                next: (result) => sink.next(result as ExecutionResult),
                error: (error) => sink.error(error),
                complete: () => sink.complete(),
              },
            ),
          }),
        }),
      }),
    ],
  })
}

function isUnauthenticated(error: CombinedError): boolean {
  return error.graphQLErrors.some((one) => one.extensions['code'] === 'UNAUTHENTICATED')
}
