// Subscriptions over a WebSocket (graphql-transport-ws); both clients use one like this.
import { createClient, type Client } from 'graphql-ws'
import type { Credentials } from './credentials.js'

export interface Connection {
  /** The endpoint, such as `https://mail.example.com/graphql`. */
  url: string
  credentials: Credentials
  /** Only where there is no global `WebSocket`, as in Node before version 22. */
  webSocketImpl?: unknown
}

/** How the server closes a socket whose token it does not take, or no longer. */
const FORBIDDEN = 4403

export function liveClient({ url, credentials, webSocketImpl }: Connection): Client {
  let used = ''
  let isRefused = false
  return createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl,
    // Browsers cannot set headers of a WebSocket: the token goes in its first message.
    connectionParams: async () => {
      if (isRefused) {
        isRefused = false
        await credentials.renew(used)
      }
      used = credentials.authorization()
      return { authorization: used }
    },
    on: {
      closed: (event) => {
        isRefused = (event as { code?: number }).code === FORBIDDEN
      },
    },
  })
}
