// GraphQL Yoga with graphql-jit; its caches of parsed and validated documents are on by default.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { reads } from './data.js'
import { loaders, resolvers, typeDefs } from './schema.js'

const db = reads('postgres')
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: resolvers(db) }),
  plugins: [useGraphQlJit()],
  context: () => ({ loaders: loaders(db) }),
  graphiql: false,
  logging: false,
})
createServer(yoga).listen(Number(process.env.PORT), '127.0.0.1')
