// Lists sequences, imports people from a CSV file, and shows how their mail goes out, live.
import { filter, firstValueFrom, map, shareReplay, tap } from 'rxjs'
import { apolloClient } from '../src/apollo.js'
import { Refused } from '../src/credentials.js'
import {
  ImportSubscribersDocument,
  JobProgressDocument,
  SendStatsDocument,
  SequencesDocument,
} from '../src/generated.js'
import { line, peopleFile, signedIn } from './settings.js'

const client = apolloClient(await signedIn())

const { data } = await client.query({ query: SequencesDocument, variables: { status: 'ACTIVE' } })
const [sequence] = data?.sequences.nodes ?? []
if (!sequence) throw new Error('no sequence is active')
console.log(`${sequence.name}: ${sequence.enrollmentCounts.active} on their way`)

const live = client.subscribe({ query: SendStatsDocument, variables: { sequenceId: sequence.id } }).pipe(
  map((result) => result.data!.sendStats),
  tap((stats) => console.log(line(stats))),
  shareReplay({ bufferSize: 1, refCount: true }),
)
const watching = live.subscribe()
const before = await firstValueFrom(live)

const sent = await client.mutate({
  mutation: ImportSubscribersDocument,
  variables: { file: await peopleFile() },
})
const { job, errors } = sent.data!.importSubscribers
if (!job) throw new Refused(errors)
const finished = await firstValueFrom(
  client.subscribe({ query: JobProgressDocument, variables: { jobId: job.id } }).pipe(
    map((result) => result.data!.jobProgress),
    filter(({ status }) => status === 'SUCCEEDED' || status === 'FAILED'),
  ),
)
console.log(`${finished.filename}: ${finished.rows} rows, ${finished.invalidRows} invalid`)

const expected = before.sent + finished.rows - finished.invalidRows
await firstValueFrom(live.pipe(filter((stats) => stats.sent >= expected)))
watching.unsubscribe()
client.stop()
