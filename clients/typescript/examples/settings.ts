// What both examples are told by their environment.
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { WebSocket } from 'ws'
import { Session } from '../src/credentials.js'
import type { SendStatsSubscription } from '../src/generated.js'
import type { Connection } from '../src/live.js'

function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`set ${name}`)
  return value
}

export async function signedIn(): Promise<Connection> {
  const url = setting('DRIPGRAPH_URL')
  const session = await Session.signIn(url, setting('EMAIL'), setting('PASSWORD'))
  return { url, credentials: session, webSocketImpl: globalThis.WebSocket ?? WebSocket }
}

/** In a browser: the file of an `<input type="file">`. */
export async function peopleFile(): Promise<File> {
  const path = setting('PEOPLE')
  return new File([await openAsBlob(path, { type: 'text/csv' })], basename(path))
}

export function line({ queued, sent, opened }: SendStatsSubscription['sendStats']): string {
  return `${queued} queued, ${sent} sent, ${opened} opened`
}
