// Apollo Server 5 with the server of its own; its store of parsed documents is on by default.
import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { reads } from './data.js'
import { loaders, resolvers, typeDefs } from './schema.js'

const db = reads('postgres')
const server = new ApolloServer({ typeDefs, resolvers: resolvers(db) })
await startStandaloneServer(server, {
  context: async () => ({ loaders: loaders(db) }),
  listen: { host: '127.0.0.1', port: Number(process.env.PORT) },
})
