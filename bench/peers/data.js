// The reads that every Node server makes, over postgres.js or pg: ten connections, named statements.
import pg from 'pg'
import postgres from 'postgres'

const workspace = process.env.BENCH_WORKSPACE
const place = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  database: process.env.PGDATABASE,
}

export const pgPool = () => new pg.Pool({ ...place, max: 10 })

function overPg() {
  const pool = pgPool()
  return async (name, text, values) => (await pool.query({ name, text, values })).rows
}

function overPostgresJs() {
  const sql = postgres({ ...place, password: '', max: 10, idle_timeout: null })
  return (_name, text, values) => sql.unsafe(text, values, { prepare: true })
}

export function reads(driver) {
  const query = driver === 'pg' ? overPg() : overPostgresJs()
  return {
    subscribers: (limit, before) =>
      query(
        'subscribers',
        `SELECT id, email, status, first_name, last_name, timezone, created_at, attributes, tags
         FROM subscriber WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2::uuid)
         ORDER BY id DESC LIMIT $3`,
        [workspace, before, limit],
      ),
    subscribersByIds: (ids) =>
      query(
        'subscribersByIds',
        `SELECT id, email, status, first_name, last_name, timezone, created_at, attributes, tags
         FROM subscriber WHERE workspace_id = $1 AND id = ANY($2::uuid[])`,
        [workspace, ids],
      ),
    subscriber: async (id) =>
      (
        await query(
          'subscriber',
          `SELECT id, email, status, first_name, last_name, timezone, created_at, attributes, tags
           FROM subscriber WHERE id = $1 AND workspace_id = $2`,
          [id, workspace],
        )
      )[0],
    sequences: (limit) =>
      query(
        'sequences',
        `SELECT id, name, status, active_version_id FROM sequence
         WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2`,
        [workspace, limit],
      ),
    versionsByIds: (ids) =>
      query(
        'versionsByIds',
        `SELECT id, sequence_id, number, definition FROM sequence_version
         WHERE workspace_id = $1 AND id = ANY($2::uuid[])`,
        [workspace, ids],
      ),
    counts: (ids) =>
      query(
        'counts',
        `SELECT sequence_id, status, CASE WHEN status = 'active' THEN step_key END AS step_key,
           count(*)::int AS count FROM enrollment
         WHERE sequence_id = ANY($1::uuid[]) AND workspace_id = $2 GROUP BY 1, 2, 3`,
        [ids, workspace],
      ),
    enrollments: (sequenceIds, limit) =>
      query(
        'enrollments',
        `SELECT e.* FROM unnest($1::uuid[]) AS wanted (id), LATERAL (
           SELECT id, sequence_id, version_id, subscriber_id, status, step_key, enrolled_at
           FROM enrollment WHERE sequence_id = wanted.id AND workspace_id = $2
           ORDER BY id DESC LIMIT $3) e`,
        [sequenceIds, workspace, limit],
      ),
  }
}
