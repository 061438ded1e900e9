// Run by tests/clients/test_typescript.py against a server that it starts; see there for the world.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { apiKey, Refused, Session, SessionEnded, type Credentials } from '../src/credentials.js'
import {
  CreateSequenceDocument,
  ImportSubscribersDocument,
  JobProgressDocument,
  SendStatsDocument,
  SequencesDocument,
  SubscribersDocument,
  ViewerDocument,
  type TokensFragment,
} from '../src/generated.js'
import type { Connection } from '../src/live.js'
import { Failed, makers, type Face } from './clients.js'

interface World {
  client: string
  url: string
  tokens: TokensFragment
  /** Sessions whose access tokens have ended; each has a refresh token of its own. */
  ended: TokensFragment[]
  /** The same, and its refresh token has been used. */
  over: TokensFragment
  /** Its access token ends in a few seconds. */
  ending: TokensFragment
  /** An API key that may read. */
  key: string
}

const world = JSON.parse(process.env['WORLD']!) as World
const make = makers[world.client]!
/** A test that waits for ever fails by itself and says which it is. */
const patience = { timeout: 15_000 }

function connection(credentials: Credentials): Connection {
  return { url: world.url, credentials, webSocketImpl: WebSocket }
}

function signedIn(): Face {
  return make(connection(new Session(world.url, world.tokens)))
}

function withEndedToken(): { face: Face; renewed: TokensFragment[] } {
  const renewed: TokensFragment[] = []
  const session = new Session(world.url, world.ended.pop()!, (tokens) => renewed.push(tokens))
  return { face: make(connection(session)), renewed }
}

function people(rows: string): File {
  return new File([`email,first name\n${rows}`], 'people.csv', { type: 'text/csv' })
}

test('a query answers typed data', patience, async () => {
  const { sequences } = await signedIn().run(SequencesDocument, { first: 5 })
  assert.deepEqual(
    sequences.nodes.map(({ name, status, enrollmentCounts }) => [name, status, enrollmentCounts.active]),
    [['Welcome', 'ACTIVE', 0]],
  )
  assert.equal(sequences.totalCount, 1)
  assert.equal(sequences.pageInfo.hasNextPage, false)
})

test('a mutation answers its expected failures as data', patience, async () => {
  const { createSequence } = await signedIn().run(CreateSequenceDocument, {
    input: { name: '', draft: { triggers: [], steps: [] } },
  })
  assert.equal(createSequence.sequence, null)
  assert.deepEqual(
    createSequence.errors.map(({ field, code }) => [field, code]),
    [['name', 'REQUIRED']],
  )
})

test('a file is imported while its job and the mail it leads to are watched', patience, async () => {
  const face = signedIn()
  const { sequences } = await face.run(SequencesDocument, { first: 1 })
  const live = face.watch(SendStatsDocument, { sequenceId: sequences.nodes[0]!.id })
  const first = (await live.next()).value!.sendStats
  assert.deepEqual([first.queued, first.sent, first.openRate], [0, 0, null])

  const file = people('ann@example.com,Ann\nnobody,Nobody\nzoe@example.com,Zoë\n')
  const { importSubscribers } = await face.run(ImportSubscribersDocument, { file })
  assert.deepEqual(importSubscribers.errors, [])
  const job = importSubscribers.job!
  assert.equal(job.filename, 'people.csv')
  const progress = face.watch(JobProgressDocument, { jobId: job.id })
  let now = (await progress.next()).value!.jobProgress
  while (now.status !== 'SUCCEEDED') now = (await progress.next()).value!.jobProgress
  await progress.return!()
  assert.deepEqual([now.rows, now.invalidRows, now.percent], [3, 1, 100])
  assert.deepEqual(
    now.errors.map(({ line, column }) => [line, column]),
    [[3, 'email']],
  )

  let stats = first
  const seen = [stats.sent]
  while (stats.sent < 2) {
    stats = (await live.next()).value!.sendStats
    seen.push(stats.sent)
  }
  await live.return!()
  assert.deepEqual([stats.queued, stats.sent, stats.failed], [2, 2, 0])
  assert.ok(seen.length >= 2)

  const { subscribers } = await face.run(SubscribersDocument, { first: 5, filter: { emailPrefix: 'zo' } })
  assert.deepEqual(
    subscribers.nodes.map(({ email, firstName, attributes }) => [email, firstName, attributes]),
    [['zoe@example.com', 'Zoë', {}]],
  )
})

test('requests whose token has ended are sent again with one new token', patience, async () => {
  const { face, renewed } = withEndedToken()
  const answers = await Promise.all([
    face.run(SequencesDocument, { first: 1 }),
    face.run(SubscribersDocument, { first: 1 }),
    face.run(CreateSequenceDocument, { input: { name: '', draft: {} } }),
  ])
  assert.equal(answers[0].sequences.nodes[0]!.name, 'Welcome')
  assert.equal(answers[2].createSequence.errors[0]!.field, 'name')
  assert.equal(renewed.length, 1)
})

test('a file whose token has ended is sent again', patience, async () => {
  const { face, renewed } = withEndedToken()
  const { importSubscribers } = await face.run(ImportSubscribersDocument, {
    file: people('bob@example.com,Bob\n'),
  })
  assert.equal(importSubscribers.job!.filename, 'people.csv')
  assert.equal(renewed.length, 1)
})

test('a socket whose token has ended is opened again with a new one', patience, async () => {
  const { sequences } = await signedIn().run(SequencesDocument, { first: 1 })
  const { face, renewed } = withEndedToken()
  const live = face.watch(SendStatsDocument, { sequenceId: sequences.nodes[0]!.id })
  const { failed } = (await live.next()).value!.sendStats
  await live.return!()
  assert.equal(failed, 0)
  assert.equal(renewed.length, 1)
})

test('a socket goes on with a new token when its own ends', patience, async () => {
  const { sequences } = await signedIn().run(SequencesDocument, { first: 1 })
  const renewed: TokensFragment[] = []
  const session = new Session(world.url, world.ending, (tokens) => renewed.push(tokens))
  const live = make(connection(session)).watch(SendStatsDocument, {
    sequenceId: sequences.nodes[0]!.id,
  })
  await live.next()
  // On a machine so slow that the token has ended by now, this is the test above once more.
  if (renewed.length === 0) await live.next()
  await live.return!()
  assert.equal(renewed.length, 1)
})

test('a machine asks with its key, for what that may do', patience, async () => {
  const machine = make(connection(apiKey(world.key)))
  const { sequences } = await machine.run(SequencesDocument, { first: 1 })
  assert.equal(sequences.nodes[0]!.name, 'Welcome')
  await assert.rejects(
    machine.run(CreateSequenceDocument, { input: { name: 'No', draft: {} } }),
    (error) => error instanceof Failed && error.codes[0] === 'FORBIDDEN',
  )
})

test('who signs in with a wrong password is told so, and who signs out cannot go on', patience, async () => {
  await assert.rejects(
    Session.signIn(world.url, 'ada@example.com', 'a wrong password'),
    (error) => error instanceof Refused && error.failures[0]!.code === 'UNAUTHENTICATED',
  )
  const session = new Session(world.url, world.ended.pop()!)
  await session.signOut()
  await assert.rejects(session.renew(session.authorization()), SessionEnded)
})

test('a session that is over is told as such', patience, async () => {
  const face = make(connection(new Session(world.url, world.over)))
  await assert.rejects(face.run(SequencesDocument, { first: 1 }), SessionEnded)
})

test('a key that is not known is refused once, and for good', patience, async () => {
  const face = make(connection(apiKey('dg_nothing')))
  await assert.rejects(face.run(SequencesDocument, { first: 1 }), (error) => {
    assert.ok(error instanceof Failed)
    assert.deepEqual(error.codes, ['UNAUTHENTICATED'])
    return true
  })
})

test('Apollo sends a query by its hash once the server knows it', { ...patience, skip: world.client !== 'apollo' }, async () => {
  const sent: Record<string, unknown>[] = []
  const { fetch } = globalThis
  globalThis.fetch = (input, init) => {
    sent.push(JSON.parse(String(init!.body)) as Record<string, unknown>)
    return fetch(input, init)
  }
  try {
    await signedIn().run(ViewerDocument, {})
    await signedIn().run(ViewerDocument, {})
  } finally {
    globalThis.fetch = fetch
  }
  assert.deepEqual(
    sent.map((body) => 'query' in body),
    [false, true, false],
  )
})
