// PostGraphile 5: the schema is read from the tables, what they cannot say from SQL functions.
import { createServer } from 'node:http'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { postgraphile } from 'postgraphile'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { pgPool } from './data.js'

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ pool: pgPool(), schemas: ['public', 'bench_peers'] })],
  grafast: { explain: false },
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
})
const served = instance.createServ(grafserv)
const server = createServer()
await served.addTo(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
