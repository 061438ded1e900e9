// Fastify and Mercurius, operations compiled by graphql-jit from their first sight.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { reads } from './data.js'
import { loaders, resolvers, typeDefs } from './schema.js'

const db = reads(process.argv[2])
const app = Fastify()
app.register(mercurius, {
  schema: typeDefs,
  resolvers: resolvers(db),
  jit: 1,
  context: () => ({ loaders: loaders(db) }),
})
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
