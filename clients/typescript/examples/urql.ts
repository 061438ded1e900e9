// Lists sequences, imports people from a CSV file, and shows how their mail goes out, live.
import { filter, map, pipe, take, toAsyncIterable, toPromise } from 'wonka'
import { Refused } from '../src/credentials.js'
import {
  ImportSubscribersDocument,
  JobProgressDocument,
  SendStatsDocument,
  SequencesDocument,
} from '../src/generated.js'
import { urqlClient } from '../src/urql.js'
import { line, peopleFile, signedIn } from './settings.js'

const client = urqlClient(await signedIn())

const listed = await client.query(SequencesDocument, { status: 'ACTIVE' }).toPromise()
if (listed.error) throw listed.error
const [sequence] = listed.data!.sequences.nodes
if (!sequence) throw new Error('no sequence is active')
console.log(`${sequence.name}: ${sequence.enrollmentCounts.active} on their way`)

const live = pipe(
  client.subscription(SendStatsDocument, { sequenceId: sequence.id }),
  map((result) => result.data!.sendStats),
  toAsyncIterable,
)
let expected: number | undefined
for await (const stats of live) {
  console.log(line(stats))
  expected ??= stats.sent + (await importPeople())
  if (stats.sent >= expected) break
}

async function importPeople(): Promise<number> {
  const file = await peopleFile()
  const sent = await client.mutation(ImportSubscribersDocument, { file }).toPromise()
  if (sent.error) throw sent.error
  const { job, errors } = sent.data!.importSubscribers
  if (!job) throw new Refused(errors)
  const finished = await pipe(
    client.subscription(JobProgressDocument, { jobId: job.id }),
    map((result) => result.data!.jobProgress),
    filter(({ status }) => status === 'SUCCEEDED' || status === 'FAILED'),
    take(1),
    toPromise,
  )
  console.log(`${finished.filename}: ${finished.rows} rows, ${finished.invalidRows} invalid`)
  return finished.rows - finished.invalidRows
}
