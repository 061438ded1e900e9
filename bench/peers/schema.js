// One schema for Mercurius, Yoga and Apollo: SDL, plain resolvers, a DataLoader for each edge.
import DataLoader from 'dataloader'
import { GraphQLScalarType } from 'graphql'

export const typeDefs = `
  scalar DateTime
  scalar JSON
  type Query {
    subscribers(first: Int! = 20, after: String): SubscriberConnection!
    subscriber(id: ID!): Subscriber
    sequences(first: Int! = 20): SequenceConnection!
  }
  enum SubscriberStatus { SUBSCRIBED UNSUBSCRIBED BOUNCED COMPLAINED }
  enum SequenceStatus { DRAFT ACTIVE PAUSED ARCHIVED }
  enum EnrollmentStatus { ACTIVE COMPLETED EXITED }
  enum StepKind { SEND_EMAIL WAIT WAIT_UNTIL BRANCH EXIT }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type SubscriberConnection { edges: [SubscriberEdge!]! pageInfo: PageInfo! }
  type SubscriberEdge { cursor: String! node: Subscriber! }
  type Subscriber {
    id: ID! email: String! status: SubscriberStatus! firstName: String lastName: String
    timezone: String createdAt: DateTime! attributes: JSON! tags: [String!]!
  }
  type SequenceConnection { nodes: [Sequence!]! }
  type Sequence {
    id: ID! name: String! status: SequenceStatus! activeVersion: SequenceVersion
    enrollmentCounts: EnrollmentCounts!
    enrollments(first: Int! = 20): EnrollmentConnection!
  }
  type EnrollmentCounts { active: Int! completed: Int! exited: Int! }
  type SequenceVersion { number: Int! definition: SequenceDefinition! }
  type SequenceDefinition { steps: [Step!]! }
  type Step { key: String! kind: StepKind! restingCount: Int! }
  type EnrollmentConnection { nodes: [Enrollment!]! }
  type Enrollment {
    id: ID! status: EnrollmentStatus! stepKey: String enrolledAt: DateTime!
    subscriber: Subscriber! version: SequenceVersion!
  }
`

const globalId = (type, id) => Buffer.from(`${type}:${id}`).toString('base64url')
const uuidOf = (id) => Buffer.from(id, 'base64url').toString().split(':')[1]
const cursorOf = (id) => id.replaceAll('-', '')
const upper = (row) => row.status.toUpperCase()

const byId = (read) =>
  new DataLoader(async (ids) => {
    const found = new Map((await read(ids)).map((row) => [row.id, row]))
    return ids.map((id) => found.get(id) ?? null)
  })

// One of these for each request.
export function loaders(db) {
  return {
    version: byId(db.versionsByIds),
    subscriber: byId(db.subscribersByIds),
    counts: new DataLoader(async (ids) => {
      const bySequence = new Map(
        ids.map((id) => [id, { resting: new Map(), totals: { active: 0, completed: 0, exited: 0 } }]),
      )
      for (const row of await db.counts(ids)) {
        const counts = bySequence.get(row.sequence_id)
        if (row.step_key !== null) counts.resting.set(row.step_key, row.count)
        counts.totals[row.status] += row.count
      }
      return ids.map((id) => bySequence.get(id))
    }),
    enrollments: new DataLoader(
      async (keys) => {
        const bySequence = new Map(keys.map((key) => [key.id, []]))
        const rows = await db.enrollments([...bySequence.keys()], keys[0].first)
        for (const row of rows) bySequence.get(row.sequence_id).push(row)
        return keys.map((key) => bySequence.get(key.id))
      },
      { cacheKeyFn: (key) => `${key.id}:${key.first}` },
    ),
  }
}

export const resolvers = (db) => ({
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (value) => value.toISOString() }),
  JSON: new GraphQLScalarType({ name: 'JSON', serialize: (value) => value }),
  Query: {
    async subscribers(_, { first, after }) {
      const rows = await db.subscribers(first + 1, after ?? null)
      const edges = rows.slice(0, first).map((node) => ({ cursor: cursorOf(node.id), node }))
      const pageInfo = {
        hasNextPage: rows.length > first,
        endCursor: edges.length ? edges[edges.length - 1].cursor : null,
      }
      return { edges, pageInfo }
    },
    subscriber: (_, { id }) => db.subscriber(uuidOf(id)),
    sequences: async (_, { first }) => ({ nodes: await db.sequences(first) }),
  },
  Subscriber: {
    id: (row) => globalId('Subscriber', row.id),
    status: upper,
    firstName: (row) => row.first_name,
    lastName: (row) => row.last_name,
    createdAt: (row) => row.created_at,
  },
  Sequence: {
    id: (row) => globalId('Sequence', row.id),
    status: upper,
    activeVersion: (row, _, context) => context.loaders.version.load(row.active_version_id),
    enrollmentCounts: async (row, _, context) => (await context.loaders.counts.load(row.id)).totals,
    enrollments: async (row, { first }, context) => ({
      nodes: await context.loaders.enrollments.load({ id: row.id, first }),
    }),
  },
  SequenceVersion: {
    definition: (row) => ({
      steps: row.definition.steps.map((step) => ({
        key: step.key,
        kind: step.kind.toUpperCase(),
        sequenceId: row.sequence_id,
      })),
    }),
  },
  Step: {
    restingCount: async (step, _, context) =>
      (await context.loaders.counts.load(step.sequenceId)).resting.get(step.key) ?? 0,
  },
  Enrollment: {
    id: (row) => globalId('Enrollment', row.id),
    status: upper,
    stepKey: (row) => row.step_key,
    enrolledAt: (row) => row.enrolled_at,
    subscriber: (row, _, context) => context.loaders.subscriber.load(row.subscriber_id),
    version: (row, _, context) => context.loaders.version.load(row.version_id),
  },
})
